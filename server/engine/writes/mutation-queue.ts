import { backoffDelay } from '../../core/backoff.ts';
import {
  decideGroup,
  type GroupPlan,
  type GroupRules,
  type GroupUnit,
  type RollbackTarget,
} from '../../core/commands/decide-group.ts';
import type { Check } from '../../core/commands/decide.ts';
import type { Rights } from '../../core/permissions.ts';
import { asError, RefusalError } from '../../core/errors.ts';
import { createLockJudge, type LockCondition, type LockJudge } from '../../core/locks/lock-table.ts';
import { fingerprint } from '../../core/stream/hash-chain.ts';
import type { SealedEntry } from '../../core/stream/log-record.ts';
import type { Position } from '../../core/stream/position.ts';
import type { CampaignHistory } from '../campaign/history.ts';
import { groupBaseOf, takeLocks, type Delivery, type LiveCampaign } from '../campaign/live-campaign.ts';
import { saltedSeal } from '../campaign/salted-seal.ts';
import type { EngineObserver } from '../observer.ts';
import type { AppendResult, Archive, Clock, OrderedLog } from '../ports.ts';
import { shuttingDown } from '../refusals.ts';
import { findArchivedIds, isComplete, type ArchivedIds } from './archived-ids.ts';
import type { QueuedMutation } from './queued-mutation.ts';
import type { TurnBudget } from '../campaign/turn-budget.ts';

/** What the queue needs of a campaign in memory. */
interface QueuedCampaign {
  readonly live: LiveCampaign;
}

/** Weight (`weightOf`) of the mutations in the queues of all campaigns. */
export interface QueuedWeight {
  weight: number;
}

export interface MutationQueueOptions<C extends QueuedCampaign> {
  readonly log: OrderedLog;
  readonly archive: Archive;
  readonly clock: Clock;
  /** Whether a document may stand after a change. */
  readonly check: Check;
  readonly rights: Rights;
  readonly observer: EngineObserver;
  /**
   * How long an append may stay without a known outcome before its mutations are answered `UNAVAILABLE`, in
   * milliseconds.
   */
  readonly appendTimeoutMs: number;
  /** Weight of a group, at most: of what is decided in one turn of the event loop, and appended together. */
  readonly groupWeight: number;
  /** Budget that the groups of all campaigns share. */
  readonly turns: TurnBudget;
  /** Counter that the queues of all campaigns share. */
  readonly queued: QueuedWeight;
  /** Looks up the states that rollbacks lead to. */
  readonly history: Pick<CampaignHistory, 'stateAt'>;
  /** The single apply path of this instance: `hosting/log-follower.ts`. */
  applyEntry(campaign: C, sealed: SealedEntry): Delivery;
  /**
   * Reads the campaign again from archive and log, into the same object, after the log has lost its timeline:
   * `hosting/log-follower.ts`.
   */
  reload(campaign: C): Promise<void>;
  /** Whether appending has ended: an entry accepted now would come after the last commit. */
  isClosed(): boolean;
}

export interface MutationQueue {
  /**
   * Adds mutations at the end of the queue, within the call: they are decided in the order in which they were added.
   * Those added together stay together: a failure of the log stops all of them that are not appended yet, so that none
   * overtakes the one before it.
   *
   * @param seen the newest position that the client has seen which pushes them
   */
  add(mutations: readonly QueuedMutation[], seen?: Position): void;
  /** Mutations that wait or are being decided. */
  readonly length: number;
  /** Weight of these. */
  readonly weight: number;
}

/** Mutations that were added together, and how many of them were taken into groups. */
interface QueuedUnit {
  readonly mutations: readonly QueuedMutation[];
  taken: number;
  /** What the archive said of its mutations for the part before. */
  archived: ArchivedIds | undefined;
  /** Position that the client has seen; after a part has been decided, `GroupPlan.seen`. */
  seen: Position | undefined;
}

/** Part of a unit that is in a group: usually all of it. */
interface UnitPart extends GroupUnit<QueuedMutation> {
  readonly rest: readonly QueuedMutation[];
  readonly unit: QueuedUnit;
}

/** Units, or parts of one, that are decided in one turn of the event loop and appended together. */
interface Group {
  readonly parts: readonly UnitPart[];
  readonly mutations: readonly QueuedMutation[];
  readonly weight: number;
}

/**
 * Serial queue of one campaign's mutations. What waits is decided in groups: each on one base, each mutation on the
 * state that the one before it leads to, and goes to the log in one append. Answers are sent once the log has confirmed
 * the head that they rest on. That holds for rejections and no-ops too, because an instance that lags must not refuse a
 * caller whose change was just acknowledged elsewhere.
 *
 * Groups are bounded by weight, and take turns of the event loop with those of other campaigns (`turn-budget.ts`). A
 * push that weighs more than a group is decided in parts, each appended by itself. Its order holds nevertheless (G7): a
 * failure stops all that follows, and each part is decided as if the client had seen the part before it, so that none
 * is applied on a timeline that has lost an earlier one.
 */
export function createMutationQueue<C extends QueuedCampaign>(
  loaded: Promise<C>,
  options: MutationQueueOptions<C>,
): MutationQueue {
  const waiting: QueuedUnit[] = [];
  let length = 0;
  let weight = 0;
  let running = false;

  const settled = (mutations: readonly QueuedMutation[]): void => {
    length -= mutations.length;
    const settledWeight = weightIn(mutations);
    weight -= settledWeight;
    options.queued.weight -= settledWeight;
  };

  /** Fails a group, and what follows in a push of which it holds a part. */
  const fail = (group: Group, error: Error): void => {
    const rest = group.parts.flatMap((part) => part.rest);
    if (rest.length > 0) waiting.shift();
    settled(rest);
    for (const mutation of [...group.mutations, ...rest]) mutation.settle({ kind: 'failed', error });
  };

  const run = async (): Promise<void> => {
    running = true;
    // Once, so that all that came in one turn of the event loop is in the first group; each group finds a failure.
    await loaded.catch(() => undefined);
    while (waiting.length > 0) {
      const group = takeGroup(waiting, options.groupWeight);
      try {
        const { seen } = await processGroup(await loaded, group, options);
        for (const [index, { unit }] of group.parts.entries()) unit.seen = seen[index];
      } catch (cause) {
        fail(group, asError(cause));
      }
      settled(group.mutations);
    }
    running = false;
  };

  return {
    add(mutations, seen) {
      waiting.push({ mutations, taken: 0, archived: undefined, seen });
      length += mutations.length;
      const addedWeight = weightIn(mutations);
      weight += addedWeight;
      options.queued.weight += addedWeight;
      // `run` settles every failure itself; it never rejects.
      if (!running) void run();
    },
    get length() {
      return length;
    },
    get weight() {
      return weight;
    },
  };
}

/**
 * Takes as many units as fit into one group; of a unit that weighs more than a group, as much as fits, and at least one
 * mutation. A rollback is alone in its group, because the version it names may be made by a mutation before it.
 */
function takeGroup(waiting: QueuedUnit[], maxWeight: number): Group {
  const parts: UnitPart[] = [];
  let weight = 0;
  while (waiting.length > 0) {
    const [unit] = waiting;
    if (!unit) break;
    const left = unit.mutations.slice(unit.taken);
    const isAlone = left.some(({ request }) => request.command.type === 'rollback');
    if (parts.length > 0 && (isAlone || weight + weightIn(left) > maxWeight)) break;
    const mutations = firstOf(left, maxWeight);
    const rest = left.slice(mutations.length);
    parts.push({ unit, mutations, rest, seen: unit.seen });
    weight += weightIn(mutations);
    unit.taken += mutations.length;
    // What is left of a unit stays at the front.
    if (rest.length > 0) break;
    waiting.shift();
    if (isAlone) break;
  }
  return { parts, weight, mutations: parts.flatMap(({ mutations }) => mutations) };
}

/** The first of these mutations that weigh no more than that; at least one. */
function firstOf(mutations: readonly QueuedMutation[], maxWeight: number): readonly QueuedMutation[] {
  let weight = 0;
  const end = mutations.findIndex((mutation, index) => (weight += mutation.weight) > maxWeight && index > 0);
  return end < 0 ? mutations : mutations.slice(0, end);
}

function weightIn(mutations: readonly QueuedMutation[]): number {
  return mutations.reduce((sum, mutation) => sum + mutation.weight, 0);
}

/**
 * Decides and appends until the log has taken the group, or its time is over.
 *
 * @returns the plan that the log has taken
 */
async function processGroup<C extends QueuedCampaign>(
  campaign: C,
  group: Group,
  options: MutationQueueOptions<C>,
): Promise<GroupPlan<QueuedMutation>> {
  const { live } = campaign;
  if (live.gone) throw live.gone;
  const deadline = options.clock.now() + options.appendTimeoutMs;
  let reloads = 0;
  /** The log's time, where it has just said that the estimate of it is wrong. */
  let logNow: number | undefined;
  for (;;) {
    // Asked in each round, because after a reload the window may reach less far back and a version may be another one.
    // Asked of the rest of a push too: where that was applied, the mutations before it were decided before.
    const asked = group.parts.flatMap(({ mutations, rest }) => [...mutations, ...rest]);
    const archived = await findArchivedIds(live, asked, options.archive, group.parts[0]?.unit.archived);
    for (const { unit } of group.parts) unit.archived = archived;
    const target = await rollbackTarget(live, group.mutations, options.history);
    await options.turns.spend(group.weight);
    // The campaign was reloaded or its window trimmed meanwhile: what was read may be of a forked timeline, and there
    // may be ids that neither the archive was asked for nor the window holds any more (idempotency, G3).
    if (!isComplete(archived, live)) continue;
    const judge = createLockJudge(logNow ?? options.clock.now() - options.log.clockOffset);
    logNow = undefined;
    const { revision } = live.locks;
    const plan = decideParts(live, group.parts, archived, target, judge, options);
    if (options.isClosed()) throw shuttingDown();
    const result = await append(live, plan, { revision, ...judge.bounds() }, options, deadline);
    if (result.kind === 'appended') {
      for (const sealed of plan.entries) options.applyEntry(campaign, sealed);
      // The epoch ended meanwhile: only the new timeline can tell whether the entries are on it.
      if (live.head.epoch !== plan.base.epoch) continue;
      for (const { mutation, outcome } of plan.outcomes) mutation.settle(outcome);
      return plan;
    }
    // The locks are others, or its time is not what it was thought to be: decided again, on what the log has said.
    if (result.kind === 'locks') {
      takeLocks(live, result.reading.table);
      logNow = result.reading.now;
      if (options.clock.now() >= deadline) throw timedOut(`${live.id}: its locks change all the time`);
      continue;
    }
    // `conflict`: another instance appended first, or this one did and its answer did not arrive. Catch up, decide
    // again.
    for (const sealed of result.kind === 'conflict' ? result.entries : []) options.applyEntry(campaign, sealed);
    if (options.clock.now() >= deadline) throw timedOut(`${live.id}: other instances change it all the time`);
    if (live.head.version !== plan.base.version) continue;
    // `lost`, or a conflict that brought nothing: the log holds another timeline, which only a reload can tell.
    if (reloads > 0)
      await pause(options.clock, reloads, deadline, `${live.id}: the log loses its timeline again and again`);
    await options.reload(campaign);
    reloads += 1;
  }
}

function decideParts(
  live: LiveCampaign,
  parts: readonly UnitPart[],
  archived: ArchivedIds,
  target: RollbackTarget,
  judge: LockJudge,
  { clock, check, rights }: Pick<MutationQueueOptions<QueuedCampaign>, 'clock' | 'check' | 'rights'>,
): GroupPlan<QueuedMutation> {
  const rules: GroupRules = {
    now: clock.now,
    check,
    rights,
    seal: saltedSeal(clock),
    fingerprint,
  };
  return decideGroup(
    groupBaseOf(live, judge),
    parts,
    {
      findApplied: (mutationId) => live.window.find(mutationId) ?? archived.applied.get(mutationId),
      findRefusal: (mutationId) => archived.refused.get(mutationId),
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
  locks: LockCondition,
  { log, clock, observer }: Pick<MutationQueueOptions<QueuedCampaign>, 'log' | 'clock' | 'observer'>,
  deadline: number,
): Promise<AppendResult> {
  for (let attempt = 1; ; attempt += 1) {
    const startedAt = clock.now();
    try {
      const result = await log.append(live.id, plan.base, plan.entries, locks);
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
