import { backoffDelay } from '../../core/backoff.ts';
import { decideGroup, type GroupPlan, type GroupRules, type RollbackTarget } from '../../core/commands/decide-group.ts';
import { check, type Sections } from '../../core/document/check.ts';
import { asError, RefusalError } from '../../core/errors.ts';
import { LIMITS } from '../../core/limits.ts';
import { fingerprint, seal } from '../../core/stream/hash-chain.ts';
import type { SealedEntry } from '../../core/stream/log-record.ts';
import type { CampaignHistory } from '../campaign/history.ts';
import { groupBaseOf, type Delivery, type LiveCampaign } from '../campaign/live-campaign.ts';
import type { EngineObserver } from '../observer.ts';
import type { AppendResult, Archive, Clock, OrderedLog } from '../ports.ts';
import { shuttingDown } from '../refusals.ts';
import { findArchivedIds, type ArchivedIds } from './archived-ids.ts';
import type { QueuedMutation } from './queued-mutation.ts';

/** What the queue needs of a campaign in memory. */
interface QueuedCampaign {
  readonly live: LiveCampaign;
}

export interface MutationQueueOptions<C extends QueuedCampaign> {
  readonly log: OrderedLog;
  readonly archive: Archive;
  readonly clock: Clock;
  readonly sections: Sections;
  readonly observer: EngineObserver;
  /**
   * How long an append may stay without a known outcome before its mutations are answered `UNAVAILABLE`, in
   * milliseconds.
   */
  readonly appendTimeoutMs: number;
  /** Looks up the states that rollbacks lead to. */
  readonly history: Pick<CampaignHistory, 'stateAt'>;
  /** The single apply path of this instance. */
  applyEntry(campaign: C, sealed: SealedEntry): Delivery;
  /** Reads the campaign again from archive and log, into the same object, after the log has lost its timeline. */
  reload(campaign: C): Promise<void>;
  /** Whether appending has ended: an entry accepted now would come after the last commit. */
  isClosed(): boolean;
}

export interface MutationQueue {
  /**
   * Adds mutations at the end of the queue, within the call: they are decided in the order in which they were added.
   * Those added together stay together: a failure of the log stops all of them, so that none overtakes the one before
   * it.
   */
  add(...mutations: QueuedMutation[]): void;
  readonly length: number;
}

/**
 * Serial queue of one campaign's mutations. All that waits is decided together on one base, each mutation on the state
 * that the one before it leads to, and goes to the log in one append. Answers are sent once the log has confirmed the
 * head that they rest on. That holds for rejections and no-ops too, because an instance that lags must not refuse a
 * caller whose change was just acknowledged elsewhere.
 */
export function createMutationQueue<C extends QueuedCampaign>(
  loaded: Promise<C>,
  options: MutationQueueOptions<C>,
): MutationQueue {
  const waiting: QueuedMutation[][] = [];
  let length = 0;
  let running = false;

  const run = async (): Promise<void> => {
    running = true;
    while (waiting.length > 0) {
      const units = takeGroup(waiting);
      const group = units.flat();
      try {
        await processGroup(await loaded, units, options);
      } catch (cause) {
        const error = asError(cause);
        for (const mutation of group) mutation.settle({ kind: 'failed', error });
      }
      length -= group.length;
    }
    running = false;
  };

  return {
    add(...mutations) {
      waiting.push(mutations);
      length += mutations.length;
      // `run` settles every failure itself; it never rejects.
      if (!running) void run();
    },
    get length() {
      return length;
    },
  };
}

/**
 * As many units as fit into one append. A rollback is alone in its group, because the version it names may be made by a
 * mutation before it.
 */
function takeGroup(waiting: QueuedMutation[][]): QueuedMutation[][] {
  const units: QueuedMutation[][] = [];
  let size = 0;
  while (waiting.length > 0) {
    const [unit = []] = waiting;
    const alone = unit.some(({ request }) => request.command.type === 'rollback');
    size += unit.length;
    if (units.length > 0 && (alone || size > LIMITS.groupSize)) break;
    waiting.shift();
    units.push(unit);
    if (alone) break;
  }
  return units;
}

/** Decides and appends until the log has taken the group, or its time is over. */
async function processGroup<C extends QueuedCampaign>(
  campaign: C,
  units: readonly QueuedMutation[][],
  options: MutationQueueOptions<C>,
): Promise<void> {
  const { live } = campaign;
  const group = units.flat();
  const deadline = options.clock.now() + options.appendTimeoutMs;
  let reloads = 0;
  for (;;) {
    // Asked in each round: after a reload the window may reach less far back, and a version may be another one.
    const { window } = live;
    const { floor } = window;
    const archived = await findArchivedIds(live, group, options.archive);
    const target = await rollbackTarget(live, group, options.history);
    // Reloaded, or trimmed, meanwhile: what was read may be of a timeline that was forked, and between what the archive
    // was asked for and what the window holds there may be a hole (G3).
    if (live.window !== window || window.floor !== floor) continue;
    const plan = decideUnits(live, units, archived, target, options);
    if (options.isClosed()) throw shuttingDown();
    const result = await append(live, plan, options, deadline);
    if (result.kind === 'appended') {
      for (const sealed of plan.entries) options.applyEntry(campaign, sealed);
      // The epoch ended meanwhile: only the new timeline can tell whether the entries are on it.
      if (live.head.epoch !== plan.base.epoch) continue;
      for (const { mutation, outcome } of plan.outcomes) mutation.settle(outcome);
      return;
    }
    // Another instance appended first, or this one did and the answer was lost: catch up, and decide the group again.
    for (const sealed of result.kind === 'conflict' ? result.entries : []) options.applyEntry(campaign, sealed);
    if (options.clock.now() >= deadline) throw timedOut(`${live.id}: other instances change it all the time`);
    if (live.head.version !== plan.base.version) continue;
    if (reloads > 0)
      await pause(options.clock, reloads, deadline, `${live.id}: the log loses its timeline again and again`);
    await options.reload(campaign);
    reloads += 1;
  }
}

function decideUnits(
  live: LiveCampaign,
  units: readonly QueuedMutation[][],
  archived: ArchivedIds,
  target: RollbackTarget,
  { clock, sections }: Pick<MutationQueueOptions<QueuedCampaign>, 'clock' | 'sections'>,
): GroupPlan<QueuedMutation> {
  const rules: GroupRules = {
    now: clock.now,
    check: (next, change, documentBytes) => check(next, change, documentBytes, sections),
    seal,
    fingerprint,
  };
  return decideGroup(
    groupBaseOf(live),
    units,
    {
      findApplied: (mutationId) => live.window.find(mutationId) ?? archived.applied.get(mutationId),
      findRefusal: (mutationId) => archived.tooOld.get(mutationId),
      target,
    },
    rules,
  );
}

/**
 * Appends a plan, and retries while the outcome is unknown: the same entries under the same ids, so that a success
 * whose answer was lost shows as a conflict with this instance's own entries.
 */
async function append(
  live: LiveCampaign,
  plan: GroupPlan<QueuedMutation>,
  { log, clock, observer }: Pick<MutationQueueOptions<QueuedCampaign>, 'log' | 'clock' | 'observer'>,
  deadline: number,
): Promise<AppendResult> {
  for (let attempt = 1; ; attempt += 1) {
    const startedAt = clock.now();
    try {
      const result = await log.append(live.id, plan.base, plan.entries);
      observer.appended?.({
        campaignId: live.id,
        entries: plan.entries.length,
        seconds: (clock.now() - startedAt) / 1_000,
      });
      return result;
    } catch (cause) {
      await pause(clock, attempt, deadline, `${live.id}: the log did not answer: ${asError(cause).message}`);
    }
  }
}

function timedOut(why: string): RefusalError {
  return new RefusalError(
    'UNAVAILABLE',
    `${why}; whether the change was ordered is not known, send it again under its mutationId`,
    { retryAfterMs: 1_000 },
  );
}

const RETRY = { base: 50, cap: 1_000, jitter: 0.5 };

/** Waits before the next attempt; throws `UNAVAILABLE` where the deadline comes before that. */
async function pause(clock: Clock, attempt: number, deadline: number, why: string): Promise<void> {
  const delay = backoffDelay(attempt - 1, clock.random(), RETRY);
  if (clock.now() + delay >= deadline) throw timedOut(why);
  await new Promise<void>((resolve) => clock.after(delay, resolve));
}

async function rollbackTarget(
  live: LiveCampaign,
  group: readonly QueuedMutation[],
  history: Pick<CampaignHistory, 'stateAt'>,
): Promise<RollbackTarget> {
  const command = group[0]?.request.command;
  if (command?.type !== 'rollback') return { state: {} };
  try {
    return { state: (await history.stateAt(live, command.toVersion, 'toVersion')).state };
  } catch (error) {
    // A version that is not there may be one that this instance has not been told of yet: refused only once the log has
    // confirmed the head.
    if (error instanceof RefusalError && error.refusal.reason === 'NOT_FOUND') return { refusal: error.refusal };
    throw error;
  }
}
