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

/** What becomes of the next calls: `refused` before anything was done, `unheard` after it was done. */
export type Fault = 'refused' | 'unheard';

/** Does a call as the fault wants it: the error is the same, which is why its outcome is unknown. */
export async function withFault<T>(fault: Fault | undefined, what: string, call: () => Promise<T>): Promise<T> {
  if (fault === 'refused') throw new Error(`${what}: no answer`);
  const answer = await call();
  if (fault === 'unheard') throw new Error(`${what}: no answer`);
  return answer;
}
