export interface Pacer<T> {
  /**
   * Takes a new value; the first after a pause passes at once, those that follow closely are bundled into the newest.
   */
  readonly push: (value: T) => void;
  /** Passes what is waiting now. */
  readonly flush: () => void;
  /** Forgets what is waiting. */
  readonly drop: () => void;
}

/**
 * Lets somebody type at full speed while only a few mutations leave.
 *
 * @param pass gets the value, and when the oldest keystroke bundled in it was made
 * @param interval milliseconds between two values that pass
 */
export function createPacer<T>(
  pass: (value: T, typedAt: number) => void,
  interval: number,
  now: () => number = () => performance.now(),
): Pacer<T> {
  let waiting: { value: T; typedAt: number } | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function flush(): void {
    const next = waiting;
    waiting = undefined;
    if (next) pass(next.value, next.typedAt);
  }

  function open(): void {
    timer = undefined;
    if (!waiting) return;
    flush();
    timer = setTimeout(open, interval);
  }

  return {
    push(value) {
      waiting = { value, typedAt: waiting?.typedAt ?? now() };
      if (timer !== undefined) return;
      flush();
      timer = setTimeout(open, interval);
    },
    flush,
    drop() {
      waiting = undefined;
    },
  };
}
