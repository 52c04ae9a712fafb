import type { Readable } from './types.ts';

/** An observable value: a {@link Readable} that its owner sets. Setting an equal value publishes nothing. */
export interface Writable<T> extends Readable<T> {
  readonly set: (value: T) => void;
}

export function writable<T>(initial: T): Writable<T> {
  let value = initial;
  const listeners = new Set<() => void>();
  return {
    getSnapshot: () => value,
    getInitialSnapshot: () => initial,
    subscribe: (listener) => {
      // Wrapped, so that the same function can subscribe twice.
      const entry = () => listener();
      listeners.add(entry);
      return () => {
        listeners.delete(entry);
      };
    },
    set: (next) => {
      if (Object.is(next, value)) return;
      value = next;
      for (const listener of listeners) listener();
    },
  };
}
