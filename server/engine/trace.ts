import type { TraceEvent } from './service.ts';

/** What happens, told to whoever listens; nothing is kept when nobody does. */
export interface Trace {
  readonly listening: boolean;
  emit(event: TraceEvent): void;
  /** Ends when the signal aborts. A listener that cannot keep up misses the oldest events. */
  listen(signal: AbortSignal | undefined): AsyncIterableIterator<TraceEvent>;
}

/** Events that wait for one listener, at most. */
const BACKLOG = 1_000;

export function createTrace(): Trace {
  const listeners = new Set<(event: TraceEvent) => void>();

  return {
    get listening() {
      return listeners.size > 0;
    },

    emit(event) {
      for (const listener of listeners) listener(event);
    },

    listen(signal) {
      const queue: TraceEvent[] = [];
      let ended = false;
      let wakeUp: (() => void) | undefined;

      const listener = (event: TraceEvent): void => {
        queue.push(event);
        if (queue.length > BACKLOG) queue.shift();
        wakeUp?.();
      };
      const close = (): void => {
        ended = true;
        listeners.delete(listener);
        signal?.removeEventListener('abort', close);
        wakeUp?.();
      };

      listeners.add(listener);
      signal?.addEventListener('abort', close, { once: true });
      if (signal?.aborted === true) close();

      const iterator: AsyncIterableIterator<TraceEvent> = {
        async next() {
          while (!ended) {
            const event = queue.shift();
            if (event) return { done: false, value: event };
            await new Promise<void>((resolve) => {
              wakeUp = resolve;
            });
          }
          return { done: true, value: undefined };
        },
        return() {
          close();
          return Promise.resolve({ done: true, value: undefined });
        },
        [Symbol.asyncIterator]: () => iterator,
      };
      return iterator;
    },
  };
}
