import { backoffDelay } from '../../core/backoff.ts';
import { asError, RefusalError } from '../../core/errors.ts';
import { decideLock, type LockRequest } from '../../core/locks/decide-lock.ts';
import type { LockPath } from '../../core/locks/lock-path.ts';
import { createLockJudge, type LockTable } from '../../core/locks/lock-table.ts';
import { takeLocks, type LiveCampaign } from '../campaign/live-campaign.ts';
import type { CampaignHost } from '../hosting/campaign-host.ts';
import type { Clock, OrderedLog } from '../ports.ts';
import { toError } from '../refusals.ts';

export interface LockChangesOptions {
  readonly hosting: Pick<CampaignHost, 'host' | 'reload'>;
  readonly log: OrderedLog;
  readonly clock: Clock;
  /** How long the outcome of a change may stay unknown, in milliseconds. */
  readonly timeoutMs: number;
  /** The table of a campaign is another one. */
  onChange(live: LiveCampaign): void;
}

/** Changes of lock tables, one after the other for each campaign. */
export interface LockChanges {
  /**
   * Decides a request on the newest table, and has the log make the change; where that has gone on, decides again.
   *
   * @returns the table after it
   * @throws RefusalError the request's refusal, once the log has confirmed what it rests on; `UNAVAILABLE` where the
   *   log does not answer, and `OVERLOADED` where too many wait
   */
  request(campaignId: string, request: LockRequest, mayRead?: (path: LockPath) => boolean): Promise<LockTable>;
  /** The log's time, about, in epoch milliseconds. */
  now(): number;
}

/** Requests that may wait for one campaign's table on one instance. */
const MAX_WAITING = 512;
const RETRY = { base: 50, cap: 1_000, jitter: 0.5 };

/**
 * Creates the one way by which this instance changes lock tables. Requests of one campaign wait for each other, because
 * each is a compare-and-set on the table's revision: side by side they would only make each other decide again.
 */
export function createLockChanges({ hosting, log, clock, timeoutMs, onChange }: LockChangesOptions): LockChanges {
  const queues = new Map<string, { length: number; last: Promise<unknown> }>();

  const now = (): number => Math.floor(clock.now() - log.clockOffset);

  const pause = (attempt: number): Promise<void> =>
    new Promise((resolve) => clock.after(backoffDelay(attempt, clock.random(), RETRY), resolve));

  const perform = async (
    campaignId: string,
    request: LockRequest,
    mayRead: (path: LockPath) => boolean,
  ): Promise<LockTable> => {
    const campaign = await hosting.host(campaignId).loaded;
    const { live } = campaign;
    const deadline = clock.now() + timeoutMs;
    const unanswered = (why: string): RefusalError =>
      new RefusalError('UNAVAILABLE', `${campaignId}: ${why}; whether its locks were changed is not known, try again`, {
        retryAfterMs: 1_000,
      });
    let time = now();
    for (let attempt = 0; ; attempt += 1) {
      const decision = decideLock(live.locks, request, createLockJudge(time), mayRead);
      const outcome = await log
        .changeLocks(campaignId, decision.change)
        .catch((cause: unknown) => ({ kind: 'unknown', error: asError(cause) }) as const);
      if (outcome.kind === 'changed' || outcome.kind === 'stale') {
        if (takeLocks(live, outcome.reading.table)) onChange(live);
        if (outcome.kind === 'changed' && decision.refusal) throw toError(decision.refusal);
        if (outcome.kind === 'changed') return outcome.reading.table;
        time = outcome.reading.now;
      }
      if (clock.now() >= deadline)
        throw unanswered(outcome.kind === 'unknown' ? outcome.error.message : 'others change its locks all the time');
      if (outcome.kind === 'lost') await hosting.reload(campaign);
      if (outcome.kind === 'unknown' || outcome.kind === 'lost') {
        await pause(attempt);
        time = now();
      }
    }
  };

  return {
    now,
    request(campaignId, request, mayRead = () => true) {
      const queue = queues.get(campaignId) ?? { length: 0, last: Promise.resolve() };
      if (queue.length >= MAX_WAITING) {
        const message = `${campaignId}: ${MAX_WAITING} requests for its locks wait, the most there may be`;
        return Promise.reject(new RefusalError('OVERLOADED', message, { limit: MAX_WAITING, retryAfterMs: 1_000 }));
      }
      queue.length += 1;
      const done = queue.last.then(() => perform(campaignId, request, mayRead));
      const settled = (): void => {
        queue.length -= 1;
        if (queue.length === 0) queues.delete(campaignId);
      };
      queue.last = done.then(settled, settled);
      queues.set(campaignId, queue);
      return done;
    },
  };
}
