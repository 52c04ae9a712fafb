import type { ChangeCommand, Mutation } from '../../../server/core/commands/command.ts';
import {
  decideGroup,
  type GroupMutation,
  type GroupOutcome,
  type GroupRules,
  type RollbackTarget,
} from '../../../server/core/commands/decide-group.ts';
import { appliedBy, createIdempotencyWindow } from '../../../server/core/commands/idempotency.ts';
import type { PushOutcome } from '../../../server/core/commands/push-outcome.ts';
import { asCampaign } from '../../../server/core/document/campaign.ts';
import { diff } from '../../../server/core/document/merge-patch.ts';
import type { Viewer } from '../../../server/core/document/targeting-fields.ts';
import { isRetryable, RefusalError, type Refusal } from '../../../server/core/errors.ts';
import { canonicalJson, type JsonObject, type JsonValue } from '../../../server/core/json.ts';
import { JOBS } from '../../../server/core/locks/lock-table.ts';
import { apply, NOTHING, type CampaignContent } from '../../../server/core/stream/apply.ts';
import { ENTRY_FORMAT, type Actor, type Entry, type Receipt } from '../../../server/core/stream/entry.ts';
import type { SnapshotReason, WatchEvent } from '../../../server/core/stream/events.ts';
import { toEntry } from '../../../server/core/stream/log-record.ts';
import {
  formatPosition,
  lastSharedVersion,
  parsePosition,
  versionOnTimeline,
  type Fork,
  type Position,
  type VersionName,
} from '../../../server/core/stream/position.ts';

import { systemClock, type Clock } from '../clock.ts';
import { viewerPlace, type ViewerPlace } from './memory-cohorts.ts';
import { createMemoryEvents, type MemoryEvents } from './memory-events.ts';
import { createMemoryLocks, type MemoryLocks } from './memory-locks.ts';
import { createMemoryPresence, type MemoryPresence } from './memory-presence.ts';

/** Mutation that the kit's server can carry out: what `campaign.push` takes, and every other command. */
export type KitMutation = Omit<Mutation, 'command'> & { readonly command: ChangeCommand };

/** Answer to a mutation or to a dry run: what was decided, with the receipt where there is one. */
export type KitAnswer =
  | PushOutcome
  | { readonly ok: true; readonly dryRun: { readonly position: Position; readonly change: JsonObject } };

/** Called with everything of one subscription; `resumeId` is the id from which the stream resumes after the event. */
type Subscriber = (resumeId: string, event: WatchEvent) => void;

export interface SubscribeOptions {
  readonly lastEventId?: string | undefined;
  readonly receipts?: boolean | undefined;
  /** Who looks: their arms are resolved. Default: the document as it is, for editors. */
  readonly viewer?: Viewer | undefined;
}

/** Where a subscriber stands. */
interface Place {
  seen: number;
  readonly receipts: boolean;
  readonly viewer: Viewer | undefined;
  /** What the viewer sees, from the newest snapshot on. */
  view?: ViewerPlace;
}

/** One campaign in memory, as the server keeps it. */
export interface MemoryCampaign {
  readonly campaignId: string;
  readonly history: () => readonly Entry[];
  readonly content: () => CampaignContent;
  readonly head: () => { readonly epoch: string; readonly version: number; readonly durableVersion: number };
  /** The state at a version; `undefined` where the current timeline has no such version. */
  readonly at: (named: VersionName) => { readonly version: number; readonly state: JsonObject } | undefined;
  readonly mutate: (mutation: KitMutation, actor: Actor, dryRun?: boolean) => KitAnswer;
  /**
   * Decides a push: in order, as one unit.
   *
   * @param seen the newest position that the client was told of
   * @throws RefusalError where the push as a whole is refused with a retryable refusal
   */
  readonly push: (mutations: readonly Mutation[], actor: Actor, seen?: Position) => PushOutcome[];
  /** Subscribes to the stream; with `receipts`, to the watermark too. Returns how to unsubscribe. */
  readonly subscribe: (options: SubscribeOptions, subscriber: Subscriber) => () => void;
  /** Commits everything up to that version (default: all of it). */
  readonly commit: (version?: number) => void;
  /** Loses what is not committed after that version (default: all of it), and continues under a new epoch. */
  readonly reset: (keptVersion?: number) => void;
  /**
   * Refuses the next mutation with that refusal, or, with a retryable one, the next call; several are used one after
   * the other.
   */
  readonly rejectNext: (refusal: Refusal) => void;
  /** Calls back whenever the watermark moved or the campaign was forked. Returns how to unsubscribe. */
  readonly onMoved: (callback: () => void) => () => void;
  readonly locks: MemoryLocks;
  readonly jobLocks: MemoryLocks;
  readonly presence: MemoryPresence;
  readonly events: MemoryEvents;
}

/**
 * A campaign as the server keeps it, decided by the server's own `decideGroup` and applied by its `apply`: order,
 * idempotency, rights, positions, resumes, the watermark, forks. Documents are checked against no schema, so that the
 * kit does not need any: `rejectNext` stands in for that.
 */
export function createMemoryCampaign(
  campaignId: string,
  state: JsonObject,
  now: () => number,
  after: Clock['after'] = systemClock.after,
): MemoryCampaign {
  const locks = createMemoryLocks(campaignId, { now, after });
  const jobLocks = createMemoryLocks(JOBS, { now, after });
  const rules: GroupRules = {
    now,
    check: () => ({ ok: true }),
    seal: (record) => ({ record, bytes: '', tail: '' }),
    // Commands are plain JSON.
    fingerprint: (command) => canonicalJson(command as unknown as JsonValue),
  };
  let epoch = 'epoch1';
  let lineage: readonly Fork[] = [];
  let durableVersion = 1;
  let entries: readonly Entry[] = [firstEntry(diff({}, state), now())];
  let content = fold(entries);
  let window = createIdempotencyWindow(Number.POSITIVE_INFINITY, 0);
  /**
   * Refusals for the next mutations, and those that were given, by mutation id: a retry is refused as the first was.
   */
  const refusals: Refusal[] = [];
  const refused = new Map<string, Refusal>();
  const subscribers = new Map<Subscriber, Place>();
  const moved = new Set<() => void>();

  function receiptOf(mutationId: string, changed: boolean, at: { epoch: string; version: number }): Receipt {
    const durability = at.version <= durableVersion ? 'durable' : 'accepted';
    const position = formatPosition(at.epoch, at.version);
    return { campaignId, position, epoch: at.epoch, version: at.version, changed, durability, mutationId };
  }

  function refuse(mutationId: string, refusal: Refusal): PushOutcome & { ok: false } {
    return { ok: false, mutationId, error: { ...refusal, retryable: isRetryable(refusal) } };
  }

  /** What stands behind it in a push has been decided: it is not sent again, whatever becomes of the lock. */
  function refusedInPush(answered: PushOutcome): PushOutcome {
    if (answered.ok || answered.error.reason !== 'LOCKED') return answered;
    return { ...answered, error: { ...answered.error, retryable: false } };
  }

  function answer(mutationId: string, outcome: GroupOutcome): KitAnswer {
    switch (outcome.kind) {
      case 'accepted':
        return { ok: true, receipt: receiptOf(mutationId, true, outcome.entry) };
      case 'duplicate':
        return { ok: true, receipt: receiptOf(mutationId, outcome.applied.changed, outcome.applied) };
      case 'unchanged':
        return { ok: true, receipt: receiptOf(mutationId, false, outcome) };
      case 'dry-run': {
        const position = formatPosition(outcome.epoch, outcome.version);
        return { ok: true, dryRun: { position, change: outcome.change } };
      }
      case 'rejected':
        return refuse(mutationId, outcome.refusal);
    }
  }

  function stateAt(named: VersionName): { version: number; state: JsonObject } | undefined {
    const version = versionOnTimeline(named, { epoch, version: entries.length }, lineage);
    if (version === undefined || version < 0 || version > entries.length) return undefined;
    return { version, state: fold(entries.slice(0, version)).state };
  }

  function targetOf({ command }: KitMutation): RollbackTarget {
    if (command.type !== 'rollback') return { state: {} };
    const { toVersion } = command;
    const target = stateAt(toVersion);
    if (target) return target;
    return {
      refusal: { reason: 'NOT_FOUND', message: `toVersion: there is no version ${toVersion}`, path: ['toVersion'] },
    };
  }

  /** Takes the next refusal that the test has asked for, if it is for a single mutation, or for a whole call. */
  function takeRefusal(of: 'mutation' | 'call'): Refusal | undefined {
    const [next] = refusals;
    // The server refuses a call for load before anything of it is decided.
    return next && isRetryable(next) === (of === 'call') ? refusals.shift() : undefined;
  }

  function findRefusal(mutationId: string): Refusal | undefined {
    const refusal = refused.get(mutationId) ?? takeRefusal('mutation');
    if (refusal) refused.set(mutationId, refusal);
    return refusal;
  }

  /** Decides mutations as one group, applies what was accepted, and answers each. */
  function carryOut(
    mutations: readonly KitMutation[],
    { id, role }: Actor,
    call: { readonly seen: Position | undefined; readonly dryRun: boolean; readonly isPush: boolean },
  ): KitAnswer[] {
    const unit = mutations.map(({ mutationId, command, expectedVersion, comment, isRetry, lock }): GroupMutation => ({
      request: {
        command,
        identity: { id, grants: { [campaignId]: role } },
        ...(expectedVersion !== undefined && { expectedVersion }),
        ...(lock !== undefined && { locks: [lock].flat() }),
      },
      mutationId,
      isRetry: call.isPush ? isRetry === true : undefined,
      correlationId: mutationId,
      comment,
      dryRun: call.dryRun,
    }));
    const [first] = mutations;
    const plan = decideGroup(
      {
        situation: {
          campaignId,
          epoch,
          version: entries.length,
          lineage,
          content,
          documentBytes: 0,
          locks: locks.situation(),
        },
        tail: '',
        updatedAt: entries.at(-1)?.at ?? 0,
      },
      [{ mutations: unit, seen: call.seen }],
      { findApplied: window.find, findRefusal, target: first ? targetOf(first) : { state: {} } },
      rules,
    );
    for (const { record } of plan.entries) {
      content = apply(content, record);
      window.remember(appliedBy(record));
    }
    entries = [...entries, ...plan.entries.map(({ record }) => toEntry(record))];
    deliver();
    return plan.outcomes.map(({ mutation, outcome }) => answer(mutation.mutationId, outcome));
  }

  /** Sends every subscriber what it has not seen. */
  function deliver(): void {
    for (const [subscriber, place] of subscribers) {
      const fresh = entries.slice(place.seen);
      if (fresh.length === 0) continue;
      place.seen = entries.length;
      const { view } = place;
      const shown = view ? fresh.map((entry) => view.next(entry)) : fresh;
      subscriber(formatPosition(epoch, entries.length), { type: 'entries', epoch, entries: shown });
    }
  }

  function sendSnapshot(subscriber: Subscriber, reason: SnapshotReason, lost?: string[]): void {
    const place = subscribers.get(subscriber);
    if (place) place.seen = entries.length;
    if (place?.viewer) place.view = viewerPlace(place.viewer, content);
    const seen = place?.view?.seen();
    const position = formatPosition(epoch, entries.length);
    const { archivedAt } = content;
    subscriber(position, {
      type: 'snapshot',
      position,
      durableVersion,
      state: asCampaign(seen?.state ?? content.state),
      ...(seen?.assignments && { assignments: seen.assignments }),
      ...(archivedAt !== undefined && { archivedAt }),
      reason,
      ...(lost && { lost }),
    });
  }

  function sendWatermark(subscriber: Subscriber): void {
    const place = subscribers.get(subscriber);
    if (!place?.receipts) return;
    subscriber(formatPosition(epoch, place.seen), { type: 'durable', position: formatPosition(epoch, durableVersion) });
  }

  return {
    campaignId,
    history: () => entries,
    content: () => content,
    head: () => ({ epoch, version: entries.length, durableVersion }),
    at: stateAt,
    mutate(mutation, actor, dryRun = false) {
      const refusal = takeRefusal('call');
      if (refusal) return refuse(mutation.mutationId, refusal);
      const [answered] = carryOut([mutation], actor, { seen: undefined, dryRun, isPush: false });
      if (!answered) throw new Error('every mutation of a group is answered');
      return answered;
    },
    push(mutations, actor, seen) {
      const refusal = takeRefusal('call');
      if (refusal) throw new RefusalError(refusal.reason, refusal.message, refusal);
      return carryOut(mutations, actor, { seen, dryRun: false, isPush: true }).map((answered) => {
        if ('dryRun' in answered) throw new Error('a push has no dry runs');
        return refusedInPush(answered);
      });
    },
    subscribe({ lastEventId, receipts = false, viewer }, subscriber) {
      subscribers.set(subscriber, { seen: 0, receipts, viewer });
      const from = lastEventId === undefined ? undefined : parsePosition(lastEventId);
      const bound = from && lastSharedVersion(from.epoch, { epoch, version: entries.length }, lineage);
      if (viewer) {
        // What was seen before may have been seen by somebody else.
        sendSnapshot(subscriber, lastEventId === undefined ? 'start' : 'view');
      } else if (from && bound !== undefined && from.version <= bound) {
        subscribers.set(subscriber, { seen: from.version, receipts, viewer });
        deliver();
      } else {
        sendSnapshot(subscriber, lastEventId === undefined ? 'start' : 'reset');
      }
      sendWatermark(subscriber);
      return () => subscribers.delete(subscriber);
    },
    commit(version = entries.length) {
      if (version <= durableVersion) return;
      durableVersion = Math.min(version, entries.length);
      for (const subscriber of subscribers.keys()) sendWatermark(subscriber);
      for (const callback of moved) callback();
    },
    reset(keptVersion = durableVersion) {
      const fromVersion = Math.min(entries.length, Math.max(keptVersion, durableVersion));
      const lost = entries.slice(fromVersion).map((entry) => entry.mutationId);
      lineage = [...lineage, { epoch: `epoch${lineage.length + 2}`, parent: epoch, fromVersion }];
      window = windowUpTo(fromVersion);
      epoch = `epoch${lineage.length + 1}`;
      entries = entries.slice(0, fromVersion);
      content = fold(entries);
      locks.reset();
      jobLocks.reset();
      for (const subscriber of subscribers.keys()) sendSnapshot(subscriber, 'reset', lost);
      for (const callback of moved) callback();
    },
    locks,
    jobLocks,
    presence: createMemoryPresence(now, () => subscribers.size),
    events: createMemoryEvents(),
    rejectNext: (refusal) => void refusals.push(refusal),
    onMoved(callback) {
      moved.add(callback);
      return () => moved.delete(callback);
    },
  };

  /** What the window knows of the entries that a fork keeps. */
  function windowUpTo(version: number): typeof window {
    const kept = createIdempotencyWindow(Number.POSITIVE_INFINITY, 0);
    for (const { mutationId } of entries.slice(0, version)) {
      const applied = window.find(mutationId);
      if (applied) kept.remember(applied);
    }
    return kept;
  }
}

function firstEntry(change: JsonObject, at: number): Entry {
  return {
    version: 1,
    type: 'create',
    change,
    actor: { id: 'system', role: 'admin' },
    mutationId: 'create',
    correlationId: 'create',
    at,
    format: ENTRY_FORMAT,
  };
}

function fold(entries: readonly Entry[]): CampaignContent {
  return entries.reduce<CampaignContent>(apply, NOTHING);
}
