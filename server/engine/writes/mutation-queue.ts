import { asError, RefusalError } from '../../core/errors.ts';
import { LIMITS } from '../../core/limits.ts';
import type { Sections } from '../../core/document/check.ts';
import { decideGroup, type Plan, type RollbackTarget } from './decide-group.ts';
import type { Delivery, LiveCampaign } from '../campaign/live-campaign.ts';
import type { EngineObserver } from '../observer.ts';
import { findArchivedIds } from './archived-ids.ts';
import type { CampaignHistory } from '../campaign/history.ts';
import type { AppendResult, Archive, Clock, OrderedLog, SealedEntry } from '../ports.ts';
import { shuttingDown } from '../refusals.ts';
import type { QueuedMutation } from './queued-mutation.ts';

/** What the queue needs of a campaign in memory. */
interface Decidable {
  readonly live: LiveCampaign;
}

export interface MutationQueueOptions<C extends Decidable> {
  log: OrderedLog;
  archive: Archive;
  clock: Clock;
  sections: Sections;
  observer: EngineObserver;
  /**
   * How long an append may stay without a known outcome before its mutations are answered `UNAVAILABLE`, in
   * milliseconds.
   */
  appendTimeoutMs: number;
  /** Where rollbacks lead. */
  past: Pick<CampaignHistory, 'stateAt'>;
  /** The one door of this instance. */
  deliver(campaign: C, sealed: SealedEntry): Delivery;
  /** Reads the campaign again from archive and log, into the same object, after the log has lost its line. */
  reload(campaign: C): Promise<void>;
  /** Whether the time to append is over: what is accepted now would come behind the last commit. */
  isClosed(): boolean;
}

export interface MutationQueue {
  /**
   * Takes its place at once: mutations are decided in the order in which they were added. Those added together stay
   * together: a failure of the log stops all of them, so that none overtakes the one before it.
   */
  add(...mutations: QueuedMutation[]): void;
  readonly length: number;
}

/**
 * The serial queue of one campaign. All that waits is decided together on one situation, each on the state that the one
 * before it leads to, and goes to the log in one append; answers go out once the log has confirmed the state that they
 * rest on, rejections and no-ops too, because an instance that lags must not refuse someone who was just acknowledged
 * elsewhere.
 */
export function createMutationQueue<C extends Decidable>(
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
 * As many units as fit into one append; a rollback goes alone, because the version it names may be made by what stands
 * before it.
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

/** Decides and appends until the log has taken the group, or nothing is left to ask for. */
async function processGroup<C extends Decidable>(
  campaign: C,
  units: readonly QueuedMutation[][],
  options: MutationQueueOptions<C>,
): Promise<void> {
  const { live } = campaign;
  const group = units.flat();
  const giveUpAt = options.clock.now() + options.appendTimeoutMs;
  let reloads = 0;
  for (;;) {
    // Asked in each round: after a reload the window may reach less far back, and a version may be another one.
    const { window } = live;
    const { floor } = window;
    const known = await findArchivedIds(live, group, options.archive);
    const target = await rollbackTarget(live, group, options.past);
    // Reloaded, or trimmed, meanwhile: what was read may be of a line that has ended, and what was asked of the archive
    // and what is in the window may leave a hole between them (G3).
    if (live.window !== window || window.floor !== floor) continue;
    const plan = decideGroup(live, units, known, target, options);
    if (options.isClosed()) throw shuttingDown();
    const result = await append(live, plan, options, giveUpAt);
    if (result.kind === 'appended') {
      for (const sealed of plan.entries) options.deliver(campaign, sealed);
      // The epoch ended meanwhile: whether the entries are on the new line, only that line can tell.
      if (live.head.epoch !== plan.base.epoch) continue;
      if (live.head.tail === plan.head.tail) live.sizeBound = plan.sizeBound;
      for (const { mutation, outcome } of plan.outcomes) mutation.settle(outcome);
      return;
    }
    // Another instance was faster, or we were and did not hear of it: catch up, and decide the whole group again.
    for (const sealed of result.kind === 'conflict' ? result.entries : []) options.deliver(campaign, sealed);
    if (options.clock.now() >= giveUpAt) throw outOfPatience(`${live.id}: others change it all the time`);
    if (live.head.version !== plan.base.version) continue;
    if (reloads > 0)
      await pause(options.clock, reloads, giveUpAt, `${live.id}: its line in the log is lost again and again`);
    await options.reload(campaign);
    reloads += 1;
  }
}

/**
 * Retries while the outcome is unknown: the same entries under the same ids, so that a success that was not heard of
 * shows as a conflict with ourselves.
 */
async function append(
  live: LiveCampaign,
  plan: Plan,
  { log, clock, observer }: Pick<MutationQueueOptions<Decidable>, 'log' | 'clock' | 'observer'>,
  giveUpAt: number,
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
      await pause(
        clock,
        attempt,
        giveUpAt,
        `${live.id}: the log did not answer: ${cause instanceof Error ? cause.message : String(cause)}`,
      );
    }
  }
}

function outOfPatience(why: string): RefusalError {
  return new RefusalError(
    'UNAVAILABLE',
    `${why}; whether the change was ordered is not known, send it again under its mutationId`,
    {
      retryAfterMs: 1_000,
    },
  );
}

/**
 * Waits before the next attempt, longer each time and with jitter; `UNAVAILABLE` where the patience ends before that.
 */
async function pause(clock: Clock, attempt: number, giveUpAt: number, why: string): Promise<void> {
  const delay = Math.min(50 * 2 ** (attempt - 1), 1_000);
  if (clock.now() + delay >= giveUpAt) throw outOfPatience(why);
  await new Promise<void>((resolve) => clock.after(delay * (0.5 + clock.random() / 2), resolve));
}

async function rollbackTarget(
  live: LiveCampaign,
  group: readonly QueuedMutation[],
  past: Pick<CampaignHistory, 'stateAt'>,
): Promise<RollbackTarget> {
  const command = group[0]?.request.command;
  if (command?.type !== 'rollback') return { state: {} };
  try {
    return { state: (await past.stateAt(live, command.toVersion, 'toVersion')).state };
  } catch (error) {
    // A version that is not there may be one that this instance has not heard of: said only once the log has confirmed
    // it.
    if (error instanceof RefusalError && error.refusal.reason === 'NOT_FOUND') return { refusal: error.refusal };
    throw error;
  }
}
