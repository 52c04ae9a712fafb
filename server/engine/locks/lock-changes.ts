import { backoffDelay } from '../../core/backoff.ts';
import { asError, RefusalError } from '../../core/errors.ts';
import { decideLock, type LockRequest } from '../../core/locks/decide-lock.ts';
import type { LockPath } from '../../core/locks/lock-path.ts';
import { createLockJudge, JOBS, type LockTable } from '../../core/locks/lock-table.ts';
import { takeLocks } from '../campaign/live-campaign.ts';
import type { Clock, OrderedLog } from '../ports.ts';
import { toError } from '../refusals.ts';
import type { Lockable, Lockables } from './lockable.ts';

export interface LockChangesOptions {
  readonly lockables: Lockables;
  readonly log: Pick<OrderedLog, 'clockOffset'>;
  readonly clock: Clock;
  /** Names this instance in lock tables. */
  readonly instance: string;
  /** How long the outcome of a change may stay unknown, in milliseconds. */
  readonly timeoutMs: number;
  /** A table is another one. */
  onChange(on: Lockable): void;
}

/** Changes of lock tables, one after the other for each of them. */
export interface LockChanges {
  /**
   * Decides a request on the newest table, and has the log make the change; where that has gone on, decides again.
   *
   * @returns the table after it
   * @throws RefusalError the request's refusal, once the log has confirmed what it rests on; `UNAVAILABLE` where the
   *   log does not answer, and `OVERLOADED` where too many wait
   */
  request(id: string, request: LockRequest, mayRead?: (path: LockPath) => boolean): Promise<LockTable>;
  /** The log's time, about, in epoch milliseconds. */
  now(): number;
}

/** Requests that may wait for one table on one instance. */
const MAX_WAITING = 512;
const RETRY = { base: 50, cap: 1_000, jitter: 0.5 };

/**
 * Creates the one way by which this instance changes lock tables. Requests of one table wait for each other, because
 * each is a compare-and-set on the table's revision: side by side they would only make each other decide again.
 */
export function createLockChanges(options: LockChangesOptions): LockChanges {
  const { lockables, log, clock, instance, timeoutMs, onChange } = options;
  const queues = new Map<string, { length: number; last: Promise<unknown> }>();

  const now = (): number => Math.floor(clock.now() - log.clockOffset);

  const pause = (attempt: number): Promise<void> =>
    new Promise((resolve) => clock.after(backoffDelay(attempt, clock.random(), RETRY), resolve));

  const perform = async (
    id: string,
    request: LockRequest,
    mayRead: (path: LockPath) => boolean,
  ): Promise<LockTable> => {
    const on = await lockables.find(id);
    const deadline = clock.now() + timeoutMs;
    const unanswered = (why: string): RefusalError =>
      new RefusalError('UNAVAILABLE', `${nameOf(id)}: ${why}; whether its locks were changed is not known, try again`, {
        retryAfterMs: 1_000,
      });
    let time = now();
    for (let attempt = 0; ; attempt += 1) {
      const decision = decideLock(on.locks, request, { judge: createLockJudge(time), here: instance, mayRead });
      const outcome = await lockables
        .change(id, decision.change)
        .catch((cause: unknown) => ({ kind: 'unknown', error: asError(cause) }) as const);
      if (outcome.kind === 'changed' || outcome.kind === 'stale') {
        if (takeLocks(on, outcome.reading.table)) onChange(on);
        if (outcome.kind === 'changed' && decision.refusal) throw toError(decision.refusal);
        if (outcome.kind === 'changed') return outcome.reading.table;
        time = outcome.reading.now;
      }
      if (clock.now() >= deadline)
        throw unanswered(outcome.kind === 'unknown' ? outcome.error.message : 'others change its locks all the time');
      if (outcome.kind === 'lost') await lockables.recover(id);
      if (outcome.kind === 'unknown' || outcome.kind === 'lost') {
        await pause(attempt);
        time = now();
      }
    }
  };

  return {
    now,
    request(id, request, mayRead = () => true) {
      const queue = queues.get(id) ?? { length: 0, last: Promise.resolve() };
      if (queue.length >= MAX_WAITING) {
        const message = `${nameOf(id)}: ${MAX_WAITING} requests for its locks wait, the most there may be`;
        return Promise.reject(new RefusalError('OVERLOADED', message, { limit: MAX_WAITING, retryAfterMs: 1_000 }));
      }
      queue.length += 1;
      const done = queue.last.then(() => perform(id, request, mayRead));
      const settled = (): void => {
        queue.length -= 1;
        if (queue.length === 0) queues.delete(id);
      };
      queue.last = done.then(settled, settled);
      queues.set(id, queue);
      return done;
    },
  };
}

/** Names a table in a message. */
function nameOf(id: string): string {
  return id === JOBS ? 'jobs' : id;
}
