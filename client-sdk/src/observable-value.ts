import { notifyAll, reportUncaught, type ErrorReporter } from './callbacks.ts';
import type { Readable } from './types.ts';

/** A value that can be set and observed. */
export interface Writable<T> extends Readable<T> {
  readonly set: (value: T) => void;
}

/** @param report takes what a listener throws; the other listeners are called all the same */
export function writable<T>(initial: T, report: ErrorReporter = reportUncaught): Writable<T> {
  let value = initial;
  const listeners = new Set<() => void>();
  return {
    getSnapshot: () => value,
    getInitialSnapshot: () => initial,
    subscribe: (listener) => {
      // A wrapper of its own, so that the same function can subscribe twice.
      const entry = () => listener();
      listeners.add(entry);
      return () => {
        listeners.delete(entry);
      };
    },
    set: (next) => {
      if (Object.is(next, value)) return;
      value = next;
      notifyAll(listeners, report);
    },
  };
}
