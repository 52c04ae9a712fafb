import { apply, type CampaignContent } from '../../../server/core/stream/apply.ts';
import { asCampaign } from '../../../server/core/document/campaign.ts';
import type { EditCommand, Mutation } from '../../../server/core/commands/command.ts';
import { effect } from '../../../server/core/commands/effect.ts';
import {
  ENTRY_FORMAT,
  type Actor,
  type Entry,
  type EntryType,
  type Position,
  type Receipt,
  type VersionName,
} from '../../../server/core/stream/entry.ts';
import { isRetryable, type Refusal } from '../../../server/core/errors.ts';
import { jsonEqual, type JsonObject } from '../../../server/core/json.ts';
import { diff, isEmptyPatch } from '../../../server/core/document/merge-patch.ts';
import {
  formatPosition,
  parsePosition,
  lastSharedVersion,
  versionOnTimeline,
  type Fork,
} from '../../../server/core/stream/position.ts';
import type { SnapshotReason, WatchEvent } from '../../../server/core/stream/events.ts';
import type { PushOutcome } from '../../../server/engine/service.ts';

/** A command that the kit's server can carry out; `rollback` with the state that it leads to. */
type KitCommand = EditCommand | { type: 'rollback'; target: JsonObject } | { type: 'archive' } | { type: 'restore' };

type KitMutation = Omit<Mutation, 'command'> & { command: KitCommand };

interface Applied {
  readonly command: KitCommand;
  readonly epoch: string;
  readonly version: number;
}

type Decision =
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'entry'; readonly change: JsonObject };

/** Hears everything of one subscription; `resumeId` names the place after the event. */
type Subscriber = (resumeId: string, event: WatchEvent) => void;

export interface SubscribeOptions {
  readonly lastEventId?: string | undefined;
  readonly receipts?: boolean | undefined;
}

/** The server's side of one campaign, in memory. */
export interface MemoryCampaign {
  readonly campaignId: string;
  readonly history: () => readonly Entry[];
  readonly content: () => CampaignContent;
  readonly head: () => { readonly epoch: string; readonly version: number; readonly durableVersion: number };
  /** The state at a version; `undefined` where there is no such version on the present line. */
  readonly at: (named: VersionName) => { readonly version: number; readonly state: JsonObject } | undefined;
  readonly mutate: (mutation: KitMutation, actor: Actor) => PushOutcome;
  /**
   * In order; stops at the first refusal that passes by itself. `seen`: the newest position that the client was told
   * of.
   */
  readonly push: (mutations: readonly Mutation[], actor: Actor, seen?: Position) => PushOutcome[];
  /** With `receipts` the watermark is told too. */
  readonly subscribe: (options: SubscribeOptions, subscriber: Subscriber) => () => void;
  /** Everything up to that version (default: all) is committed. */
  readonly commit: (version?: number) => void;
  /** Loses what is not committed after that version (default: all of it), and goes on under a new epoch. */
  readonly reset: (keptVersion?: number) => void;
  /** The next mutation is refused so; several stand in line. */
  readonly rejectNext: (refusal: Refusal) => void;
  /** Calls back whenever the watermark or the line moved. */
  readonly onMoved: (callback: () => void) => () => void;
}

/**
 * A campaign as the server keeps it, with the server's own `effect` and `apply`: ordering, mutation ids, positions,
 * resumes, the watermark, epochs. It holds documents to no schema: `rejectNext` plays the part of `check`.
 */
export function createMemoryCampaign(campaignId: string, state: JsonObject, now: () => number): MemoryCampaign {
  const system: Actor = { id: 'system', role: 'admin' };
  let epoch = 'epoch1';
  let lineage: Fork[] = [];
  let durableVersion = 1;
  let entries: Entry[] = [entryOf(1, 'create', diff({}, state), 'create', system)];
  let content = fold(entries);
  /** Commands by mutation id, with the epoch in which they were applied. */
  const applied = new Map<string, Applied>();
  const refusals: Refusal[] = [];
  const refused = new Map<string, Refusal>();
  const subscribers = new Map<Subscriber, { seen: number; readonly receipts: boolean }>();
  const moved = new Set<() => void>();

  function entryOf(
    version: number,
    type: EntryType,
    change: JsonObject,
    mutationId: string,
    actor: Actor,
    comment?: string,
  ): Entry {
    const base = {
      version,
      type,
      change,
      actor,
      mutationId,
      correlationId: mutationId,
      at: now(),
      format: ENTRY_FORMAT,
    };
    return comment === undefined ? base : { ...base, comment };
  }

  function receiptOf(mutationId: string, changed: boolean, at: { epoch: string; version: number }): Receipt {
    const durability = at.version <= durableVersion ? 'durable' : 'accepted';
    return { campaignId, position: formatPosition(at.epoch, at.version), ...at, changed, durability, mutationId };
  }

  function refuse(mutationId: string, refusal: Refusal): PushOutcome {
    return { ok: false, mutationId, error: { ...refusal, retryable: isRetryable(refusal) } };
  }

  function decide({ mutationId, command, expectedVersion }: KitMutation): Decision {
    const refusal = refused.get(mutationId) ?? refusals.shift();
    if (refusal) {
      // What is wrong with a mutation is wrong with it when it is sent again.
      if (!isRetryable(refusal)) refused.set(mutationId, refusal);
      return { kind: 'refused', refusal };
    }
    const version = entries.length;
    const position = formatPosition(epoch, version);
    if (expectedVersion !== undefined && expectedVersion !== version && expectedVersion !== position) {
      const message = `expectedVersion: expected ${expectedVersion}, but the campaign is at ${position}`;
      return { kind: 'refused', refusal: { reason: 'CONFLICT', message, path: ['expectedVersion'], position } };
    }
    const archiving = command.type === 'archive' || command.type === 'restore';
    if (content.archivedAt !== undefined && !archiving) {
      return {
        kind: 'refused',
        refusal: { reason: 'INVALID', message: `${campaignId} is archived and read-only; restore it first` },
      };
    }
    if (archiving) {
      return (content.archivedAt !== undefined) === (command.type === 'archive')
        ? { kind: 'unchanged' }
        : { kind: 'entry', change: {} };
    }
    const change = command.type === 'rollback' ? diff(content.state, command.target) : effect(content.state, command);
    return isEmptyPatch(change) ? { kind: 'unchanged' } : { kind: 'entry', change };
  }

  /**
   * @param behind an applied mutation that stood behind this one: then it was decided before, without effect, and now
   * comes too late
   */
  function mutate(mutation: KitMutation, actor: Actor, behind?: Applied): PushOutcome {
    const { mutationId, command, comment } = mutation;
    const known = applied.get(mutationId);
    if (known) {
      return sameCommand(known.command, command)
        ? { ok: true, receipt: receiptOf(mutationId, true, { epoch: known.epoch, version: known.version }) }
        : refuse(mutationId, { reason: 'INVALID', message: `mutationId: ${mutationId} was used for another command` });
    }
    const decision = decide(mutation);
    if (decision.kind === 'refused') return refuse(mutationId, decision.refusal);
    if (behind || decision.kind === 'unchanged') {
      const restsOn = behind ? { epoch: behind.epoch, version: behind.version } : { epoch, version: entries.length };
      // As the server does: a copy that may still come can have no effect later.
      if (mutation.isRetry) append({});
      return { ok: true, receipt: receiptOf(mutationId, false, restsOn) };
    }
    return { ok: true, receipt: receiptOf(mutationId, true, { epoch, version: append(decision.change) }) };

    function append(change: JsonObject): number {
      const entry = entryOf(entries.length + 1, command.type, change, mutationId, actor, comment);
      entries = [...entries, entry];
      content = apply(content, entry);
      applied.set(mutationId, { command, epoch, version: entry.version });
      deliver();
      return entry.version;
    }
  }

  /**
   * A client that stands on a line which did not survive is about to hear of that, and to send again what was lost
   * first.
   */
  function brokenLine(seen: Position | undefined): Refusal | undefined {
    const position = seen === undefined ? undefined : parsePosition(seen);
    if (!position || position.epoch === epoch) return undefined;
    const bound = lastSharedVersion(position.epoch, { epoch, version: entries.length }, lineage);
    if (bound !== undefined && position.version <= bound) return undefined;
    return {
      reason: 'CONFLICT',
      message: `seen: ${seen} is not on the surviving line`,
      path: ['seen'],
      retryable: true,
    };
  }

  /** Every subscriber gets what it has not seen. */
  function deliver(): void {
    for (const [subscriber, place] of subscribers) {
      const fresh = entries.slice(place.seen);
      if (fresh.length === 0) continue;
      place.seen = entries.length;
      subscriber(formatPosition(epoch, entries.length), { type: 'entries', epoch, entries: fresh });
    }
  }

  function sendSnapshot(subscriber: Subscriber, reason: SnapshotReason, lost?: string[]): void {
    const place = subscribers.get(subscriber);
    if (place) place.seen = entries.length;
    const position = formatPosition(epoch, entries.length);
    const { archivedAt } = content;
    subscriber(position, {
      type: 'snapshot',
      position,
      durableVersion,
      state: asCampaign(content.state),
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
    at(named) {
      const version = versionOnTimeline(named, { epoch, version: entries.length }, lineage);
      if (version === undefined || version < 0 || version > entries.length) return undefined;
      return { version, state: fold(entries.slice(0, version)).state };
    },
    mutate: (mutation, actor) => mutate(mutation, actor),
    push(mutations, actor, seen) {
      const broken = brokenLine(seen);
      const outcomes: PushOutcome[] = [];
      for (const [index, mutation] of mutations.entries()) {
        const next = mutations.slice(index + 1).find(({ mutationId }) => applied.has(mutationId));
        const behind = next && applied.get(next.mutationId);
        const outcome =
          broken && !applied.has(mutation.mutationId)
            ? refuse(mutation.mutationId, broken)
            : mutate(mutation, actor, behind);
        outcomes.push(outcome);
        if (!outcome.ok && outcome.error.retryable) break;
      }
      return outcomes;
    },
    subscribe({ lastEventId, receipts = false }, subscriber) {
      subscribers.set(subscriber, { seen: 0, receipts });
      const from = lastEventId === undefined ? undefined : parsePosition(lastEventId);
      const bound = from && lastSharedVersion(from.epoch, { epoch, version: entries.length }, lineage);
      if (from && bound !== undefined && from.version <= bound) {
        subscribers.set(subscriber, { seen: from.version, receipts });
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
      const parent = epoch;
      epoch = `epoch${lineage.length + 2}`;
      lineage = [...lineage, { epoch, parent, fromVersion }];
      entries = entries.slice(0, fromVersion);
      content = fold(entries);
      for (const mutationId of lost) applied.delete(mutationId);
      for (const subscriber of subscribers.keys()) sendSnapshot(subscriber, 'reset', lost);
      for (const callback of moved) callback();
    },
    rejectNext: (refusal) => void refusals.push(refusal),
    onMoved(callback) {
      moved.add(callback);
      return () => moved.delete(callback);
    },
  };
}

function fold(entries: readonly Entry[]): CampaignContent {
  return entries.reduce<CampaignContent>(apply, { state: {}, archivedAt: undefined });
}

/** Commands are plain JSON. */
function sameCommand(a: KitCommand, b: KitCommand): boolean {
  return jsonEqual(JSON.parse(JSON.stringify(a)), JSON.parse(JSON.stringify(b)));
}
