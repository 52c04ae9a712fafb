export interface Pacer<T> {
  /** Adds a value: the first after a pause passes at once, of those that follow closely only the newest. */
  readonly push: (value: T) => void;
  /** Passes what is waiting now. */
  readonly flush: () => void;
  /** Drops what is waiting. */
  readonly drop: () => void;
}

/**
 * Throttle with a leading edge: somebody types at full speed while only a few mutations leave.
 *
 * The SDK's own pacing shows each stroke and holds the mutation back; a field of the console holds the value back
 * instead. So the badge measures from the moment a mutation leaves, not from a stroke that waits, and what waits can be
 * dropped when somebody else's value arrives, before the person has chosen.
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
