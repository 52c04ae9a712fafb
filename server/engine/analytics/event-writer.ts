import type { AnalyticsStore } from '../../core/analytics/analytics-store.ts';
import type { EventRows } from '../../core/analytics/unit-rows.ts';
import { asError, RefusalError } from '../../core/errors.ts';
import type { EngineObserver } from '../observer.ts';
import type { Clock } from '../ports.ts';

/** Writer of events: one transaction at a time, of as many batches as have come meanwhile, and 50 ms apart at least. */
export interface EventWriter {
  /**
   * Resolves once the rows are durable.
   *
   * @throws RefusalError `OVERLOADED` where too many rows wait; `UNAVAILABLE` where whether they are stored is not
   *   known, or they are not: the same batch can be sent again
   */
  write(rows: EventRows): Promise<void>;
  /** Rows that are not durable yet. */
  readonly waiting: number;
  /** Resolves once nothing waits. */
  stop(): Promise<void>;
}

export interface EventWriterOptions {
  readonly store: Pick<AnalyticsStore, 'recordEvents'>;
  readonly clock: Clock;
  readonly observer: EngineObserver;
  /** Rows that may wait, at most. */
  readonly maxWaiting: number;
}

/** Rows in one transaction, about: it is what a commit of changes waits for at most where there is one connection. */
const TRANSACTION_ROWS = 500;
/**
 * Milliseconds from the begin of a transaction to that of the next, unless a full one waits. A transaction costs the
 * database about the same with five rows as with fifty, and what it takes of the cores is missing where changes are
 * delivered.
 */
const GATHER_MS = 50;
const RETRY_AFTER_MS = 1_000;

interface Waiting {
  readonly rows: EventRows;
  readonly size: number;
  settle(error?: RefusalError): void;
}

export function createEventWriter({ store, clock, observer, maxWaiting }: EventWriterOptions): EventWriter {
  const queue: Waiting[] = [];
  let waiting = 0;
  /** Rows of the queue: those of a transaction that runs are not among them. */
  let queued = 0;
  let startedAt = Number.NEGATIVE_INFINITY;
  let endGathering = (): void => undefined;
  let running: Promise<void> | undefined;
  let stopping = false;

  const nextGroup = (): Waiting[] => {
    let size = 0;
    const end = queue.findIndex((batch) => (size += batch.size) >= TRANSACTION_ROWS);
    queued -= size;
    return queue.splice(0, end < 0 ? queue.length : end + 1);
  };

  /** Resolves when the next transaction may begin. */
  const gathered = (): Promise<void> => {
    const sinceLast = clock.now() - startedAt;
    // A clock that was set back says that the last one is yet to come.
    const rest = sinceLast < 0 ? GATHER_MS : GATHER_MS - sinceLast;
    if (rest <= 0 || stopping || queued >= TRANSACTION_ROWS) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = clock.after(rest, resolve);
      endGathering = () => {
        cancel();
        resolve();
      };
    });
  };

  const run = async (): Promise<void> => {
    while (queue.length > 0) {
      await gathered();
      const group = nextGroup();
      const size = group.reduce((sum, batch) => sum + batch.size, 0);
      startedAt = clock.now();
      let failure: RefusalError | undefined;
      try {
        const rows = merged(group);
        await store.recordEvents(rows);
        observer.eventsRecorded?.({
          events: size,
          exposures: rows.exposures.length,
          unverified: rows.exposures.filter(({ verified }) => !verified).length,
          seconds: (clock.now() - startedAt) / 1_000,
        });
      } catch (error) {
        observer.failed?.({ what: 'record events', error: asError(error) });
        failure = new RefusalError('UNAVAILABLE', 'events: the database cannot record them now; send them again', {
          retryAfterMs: RETRY_AFTER_MS,
        });
      }
      waiting -= size;
      for (const batch of group) batch.settle(failure);
    }
    running = undefined;
  };

  return {
    get waiting() {
      return waiting;
    },
    write(rows) {
      const size = rows.exposures.length + rows.goals.length + rows.paints.length;
      if (size === 0) return Promise.resolve();
      if (stopping || (waiting > 0 && waiting + size > maxWaiting)) {
        observer.eventsRefused?.(size);
        const message = `events: ${waiting} wait to be recorded; at most ${maxWaiting} may`;
        const refusal = new RefusalError('OVERLOADED', message, { limit: maxWaiting, retryAfterMs: RETRY_AFTER_MS });
        return Promise.reject(refusal);
      }
      waiting += size;
      return new Promise((resolve, reject) => {
        queue.push({ rows, size, settle: (error) => (error ? reject(error) : resolve()) });
        queued += size;
        if (queued >= TRANSACTION_ROWS) endGathering();
        running ??= run();
      });
    },
    async stop() {
      stopping = true;
      endGathering();
      await running;
    },
  };
}

function merged(group: readonly Waiting[]): EventRows {
  const [only, ...others] = group;
  if (only && others.length === 0) return only.rows;
  return {
    exposures: group.flatMap(({ rows }) => rows.exposures),
    goals: group.flatMap(({ rows }) => rows.goals),
    paints: group.flatMap(({ rows }) => rows.paints),
  };
}
