import { CALL_ACTIONS, can, hasExpired, type Identity } from '../../core/permissions.ts';
import type { RefusalError } from '../../core/errors.ts';
import type { Clock } from '../ports.ts';
import { expired, forbidden } from '../refusals.ts';
import { createPullIterator } from '../streams/pull-iterator.ts';
import type { TraceEvent, TraceReader } from '../service.ts';

/** Trace of mutations for its listeners. Nothing is kept where there are none. */
export interface Trace {
  readonly listening: boolean;
  emit(event: TraceEvent): void;
  /**
   * Ends when the signal aborts, and with a refusal when the reader is no admin of everything, now or later. A listener
   * that cannot keep up misses the oldest events.
   */
  listen(reader: TraceReader, signal: AbortSignal | undefined): AsyncIterableIterator<TraceEvent>;
}

/** Most events that wait for one listener. */
const MAX_BACKLOG = 1_000;

export function createTrace(clock: Pick<Clock, 'now' | 'after'>): Trace {
  const listeners = new Set<(event: TraceEvent) => void>();

  return {
    get listening() {
      return listeners.size > 0;
    },

    emit(event) {
      for (const listener of listeners) listener(event);
    },

    listen(reader, signal) {
      const refused = refuseListener(reader.identity(), clock.now());
      if (refused) throw refused;
      const queue: TraceEvent[] = [];
      const listener = (event: TraceEvent): void => {
        queue.push(event);
        if (queue.length > MAX_BACKLOG) queue.shift();
        iterator.wake();
      };
      listeners.add(listener);
      const iterator = createPullIterator<TraceEvent>({
        reader,
        clock,
        signal,
        read() {
          const refusal = refuseListener(reader.identity(), clock.now());
          if (refusal) throw refusal;
          return queue.shift();
        },
        onClose: () => listeners.delete(listener),
      });
      return iterator;
    },
  };
}

function refuseListener(identity: Identity, now: number): RefusalError | undefined {
  if (hasExpired(identity, now)) return expired();
  return can(identity, CALL_ACTIONS.trace, '*', true) ? undefined : forbidden('*', 'trace');
}
