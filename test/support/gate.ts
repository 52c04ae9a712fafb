/** A place at which calls can be held back. */
export interface Gate {
  /** Waits while the gate is shut. */
  pass(): Promise<void>;
  shut(): void;
  open(): void;
  /** How many wait. */
  readonly waiting: number;
}

export function gate(): Gate {
  let isShut = false;
  const waiting: (() => void)[] = [];
  return {
    pass: () => (isShut ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve()),
    shut() {
      isShut = true;
    },
    open() {
      isShut = false;
      for (const resolve of waiting.splice(0)) resolve();
    },
    get waiting() {
      return waiting.length;
    },
  };
}
