import type { EditCommand, Mutation } from '../../../server/core/commands/command.ts';
import type { Entry, Receipt, ViewEntry } from '../../../server/core/stream/entry.ts';
import { formatPosition, type Position } from '../../../server/core/stream/position.ts';
import { utf8Bytes } from '../../../server/core/document/plain-json.ts';
import type { PushOutcome } from '../../../server/core/commands/push-outcome.ts';
import { CampaignError } from '../errors.ts';
import type { Conflict, Place } from './conflicts.ts';
import { positionOf, type Mirror } from './mirror.ts';

/**
 * A mutation of this client that is not yet known to be committed. This module is the state machine of all of them, as
 * pure reducers over a list in the order of intent: what happens is a function's argument, and what the app is to be
 * told comes back as settlements. `pending-edits.ts` holds the list.
 *
 * Two facts about a mutation are independent: how far its delivery is, and whether the confirmed state already contains
 * it. The stream can be faster than the answer, and the answer faster than the stream.
 */
export interface Pending {
  readonly campaignId: string;
  /** As it travels, every time the same: the id and the base are fixed when the edit is made. */
  readonly mutation: Mutation;
  /** Epoch milliseconds. */
  readonly madeAt: number;
  readonly delivery: Delivery;
  /** It was sent and not answered: a copy of it may still be on its way. */
  readonly isRetry?: true;
  /**
   * The page that made it, where that is not this one. Mutations of one group stay together and are never pushed with
   * others. The server takes what stands in a push before an applied mutation as decided before it, without effect.
   * That is true of mutations that one page made in order, and false of those of two pages, which may have crossed.
   */
  readonly group?: string | undefined;
  /** What to do where somebody else has changed the same place; `undefined`: keep this client's value. */
  readonly onConflict?: 'theirs' | 'ask' | undefined;
  /** It was never sent, by no page, so that it can still give way (`onConflict: 'theirs'`). */
  readonly isUnsent?: true | undefined;
  /** What it changes, and what was seen there when it was made; missing where nothing was seen yet. */
  readonly places?: readonly Place[] | undefined;
  /** The conflicts that are to be resolved before it is sent. */
  readonly conflicts?: readonly Conflict[] | undefined;
  /** The version at which the confirmed state contains it; while `undefined`, the optimistic view applies it on top. */
  readonly containedAt: number | undefined;
}

export type Delivery =
  /** Not to be sent yet: the app is still adding to it (`pacing.ts`). Only the newest one can be. */
  | { readonly kind: 'held' }
  /** To be sent, or to be resent under the same id. */
  | { readonly kind: 'waiting' }
  /** Kept back until the app has resolved its conflicts; `isHeld`: the app is still adding to it. */
  | { readonly kind: 'conflicted'; readonly isHeld: boolean }
  /** In the push that is under way; `epoch` is the one that the mirror was on then. */
  | { readonly kind: 'sent'; readonly epoch: string | undefined }
  /** Ordered by the server. */
  | { readonly kind: 'accepted'; readonly receipt: Receipt };

/** A pending mutation as it is kept on the device, beyond the life of a page. */
export interface StoredMutation {
  readonly mutation: Mutation;
  /** Epoch milliseconds. */
  readonly madeAt: number;
  /** The page that made it, where that is not the one that stored it. */
  readonly group?: string | undefined;
  readonly onConflict?: 'theirs' | 'ask' | undefined;
  readonly isUnsent?: true | undefined;
  readonly places?: readonly Place[] | undefined;
  readonly conflicts?: readonly Conflict[] | undefined;
}

/** What the app is to be told about one mutation. */
export type Settlement =
  | { readonly kind: 'accepted'; readonly mutationId: string; readonly receipt: Receipt }
  | { readonly kind: 'durable'; readonly mutationId: string; readonly receipt: Receipt }
  /** Accepted by a server that keeps nothing: it will never be durable. */
  | { readonly kind: 'volatile'; readonly mutationId: string; readonly receipt: Receipt }
  /** It was, or will be, applied over what somebody else has changed. */
  | { readonly kind: 'overwritten'; readonly mutationId: string; readonly conflicts: readonly Conflict[] }
  /** It is kept back, or was cut, because somebody else has changed the same. */
  | { readonly kind: 'conflict'; readonly mutationId: string; readonly conflicts: readonly Conflict[] }
  | {
      readonly kind: 'rejected';
      readonly mutationId: string;
      readonly command: EditCommand;
      readonly error: CampaignError;
    };

/** What a reducer leads to: the mutations that are still pending, and what the app is to be told. */
export interface PendingTransition {
  readonly pending: readonly Pending[];
  readonly settled: readonly Settlement[];
}

export const WAITING: Delivery = { kind: 'waiting' };

export interface PushLimits {
  readonly mutations: number;
  /** Of UTF-8. */
  readonly bytes: number;
}

/**
 * The mutations of the next push: the oldest waiting one and all of its group behind it, within both limits, at least
 * one, in the order of intent (G7). Those behind it that have been answered are resent with it: a change that had no
 * effect the first time must not be applied behind what was applied since then, and only those ids tell the server that
 * something was. Those that are kept back because of a conflict are left out: they are a new intent when they are
 * resolved.
 *
 * @param isCurrent whether it is known what others have changed since the connection was lost: before that, nothing is
 *   sent that must not overwrite it
 */
export function nextPush(pending: readonly Pending[], limits: PushLimits, isCurrent = true): Mutation[] {
  const push: Mutation[] = [];
  let bytes = 0;
  const first = pending.findIndex(({ delivery }) => delivery.kind === 'waiting');
  for (const { mutation, delivery, isRetry, group, onConflict } of first < 0 ? [] : pending.slice(first)) {
    if (delivery.kind === 'conflicted') continue;
    if (delivery.kind === 'held' || group !== pending[first]?.group || (onConflict && !isCurrent)) break;
    bytes += utf8Bytes(JSON.stringify(mutation));
    if (push.length > 0 && (push.length >= limits.mutations || bytes > limits.bytes)) break;
    push.push(isRetry ? { ...mutation, isRetry } : mutation);
  }
  return push;
}

/**
 * The newest position that this client knows of, by the stream or by an answer that was faster. If that position was
 * lost, the server refuses a push for now: what was lost is resent before it (G7).
 */
export function newestSeen(pending: readonly Pending[], mirror: Mirror | undefined): Position | undefined {
  const ahead = pending.findLast(
    ({ delivery, containedAt }) => delivery.kind === 'accepted' && containedAt === undefined,
  );
  if (ahead?.delivery.kind === 'accepted') return ahead.delivery.receipt.position;
  return mirror && positionOf(mirror);
}

/** Whether the app is still adding to it. */
export function isHeld({ delivery }: Pending): boolean {
  return delivery.kind === 'held' || (delivery.kind === 'conflicted' && delivery.isHeld);
}

/** The held mutation is complete, and may be sent. */
export function releaseHeld(pending: readonly Pending[]): readonly Pending[] {
  return pending.map((item) => {
    if (item.delivery.kind === 'held') return { ...item, delivery: WAITING };
    return isHeld(item) ? { ...item, delivery: { kind: 'conflicted', isHeld: false } } : item;
  });
}

/** The held mutation with another command. */
export function amendHeld(
  pending: readonly Pending[],
  command: EditCommand,
  places: readonly Place[] | undefined,
): readonly Pending[] {
  return pending.map((item) => (isHeld(item) ? { ...item, mutation: { ...item.mutation, command }, places } : item));
}

/** Mutations that were kept on the device: they come before those of this page, and may have been sent before. */
export function importStored(
  pending: readonly Pending[],
  campaignId: string,
  stored: readonly StoredMutation[],
): readonly Pending[] {
  const known = new Set(pending.map(({ mutation }) => mutation.mutationId));
  const page = stored[0]?.mutation.mutationId;
  const imported = stored
    .filter(({ mutation }) => !known.has(mutation.mutationId))
    .map(({ mutation, madeAt, group = page, onConflict, isUnsent, places, conflicts }): Pending => ({
      campaignId,
      mutation,
      madeAt,
      delivery: conflicts ? { kind: 'conflicted', isHeld: false } : WAITING,
      isRetry: true,
      group,
      onConflict,
      isUnsent,
      places,
      conflicts,
      containedAt: undefined,
    }));
  return [...imported, ...pending];
}

/** They are on their way. */
export function markSent(
  pending: readonly Pending[],
  push: readonly Mutation[],
  mirror: Mirror | undefined,
): readonly Pending[] {
  const ids = new Set(push.map((mutation) => mutation.mutationId));
  const delivery: Delivery = { kind: 'sent', epoch: mirror?.epoch };
  return pending.map((item) =>
    item.delivery.kind === 'waiting' && ids.has(item.mutation.mutationId)
      ? { ...item, delivery, isUnsent: undefined }
      : item,
  );
}

/** The push brought no answer: nothing is known, so all of it is resent under its ids. */
export function requeueSent(pending: readonly Pending[]): readonly Pending[] {
  return pending.map((item) => (item.delivery.kind === 'sent' ? { ...item, delivery: WAITING, isRetry: true } : item));
}

/** The server answered a push. What it refused for now, and what stood behind that, waits again. */
export function applyOutcomes(
  pending: readonly Pending[],
  outcomes: readonly PushOutcome[],
  mirror: Mirror | undefined,
): PendingTransition {
  const byId = new Map(
    outcomes.map((outcome) => [outcome.ok ? outcome.receipt.mutationId : outcome.mutationId, outcome]),
  );
  return transition(pending, mirror, (item, settled) => {
    if (item.delivery.kind !== 'sent') return item;
    const outcome = byId.get(item.mutation.mutationId);
    if (!outcome || (!outcome.ok && outcome.error.retryable)) return { ...item, delivery: WAITING, isRetry: true };
    if (outcome.ok) return accept(item, item.delivery.epoch, outcome.receipt, mirror, settled);
    return refuse(item, new CampaignError({ mutationId: outcome.mutationId, ...outcome.error }), mirror, settled);
  });
}

/** The server refused one mutation for good, outside of an ordinary answer. */
export function reject(
  pending: readonly Pending[],
  mutationId: string,
  error: CampaignError,
  mirror: Mirror | undefined,
): PendingTransition {
  return transition(pending, mirror, (item, settled) =>
    item.mutation.mutationId === mutationId ? refuse(item, error, mirror, settled) : item,
  );
}

/**
 * Rebases the pending mutations onto the mirror after an event of the stream: entries, a watermark, or a snapshot
 * (`entries` is empty then).
 *
 * Invariant: a mutation that was accepted is either contained in the confirmed state, or on its way there on the
 * current timeline, or waiting to be resent. So a reset loses none of them (G5): what was accepted on a timeline that
 * was forked, and is neither contained nor durable, waits again under its id, in its place. Resending everything after
 * a reset instead would be correct too, for an id is applied once; but then the view would show contained mutations
 * twice until the answers come.
 */
export function rebase(
  pending: readonly Pending[],
  before: Mirror | undefined,
  mirror: Mirror,
  entries: readonly (Entry | ViewEntry)[],
  bySnapshot: boolean,
): PendingTransition {
  const versions = new Map(
    entries.flatMap((entry) => ('mutationId' in entry ? [[entry.mutationId, entry.version] as const] : [])),
  );
  // A client that had no state yet may have been answered on any timeline.
  const otherTimeline = before?.epoch !== mirror.epoch;
  return transition(pending, mirror, (item) => {
    const seenAt = versions.get(item.mutation.mutationId) ?? item.containedAt;
    // What we saw is in a snapshot, unless that one is of another timeline, or older than what we saw.
    const containedAt = bySnapshot && (otherTimeline || (seenAt ?? 0) > mirror.version) ? undefined : seenAt;
    const { delivery } = item;
    if (delivery.kind !== 'accepted') return { ...item, containedAt };
    const { receipt } = delivery;
    const wasForked = otherTimeline && receipt.epoch !== mirror.epoch && containedAt === undefined;
    if (!wasForked) return { ...item, containedAt: versionIfReached(receipt, mirror) };
    // What is durable is on every later timeline; anything else is resent (G5).
    return receipt.durability === 'durable' && bySnapshot
      ? { ...item, containedAt: mirror.version }
      : { ...item, delivery: WAITING, containedAt: undefined };
  });
}

/**
 * Applies a step to every mutation, then drops what is over: contained in the confirmed state and committed, or never
 * to be. It stays as long as one before it has to be resent (see `nextPush`).
 */
function transition(
  pending: readonly Pending[],
  mirror: Mirror | undefined,
  step: (item: Pending, settled: Settlement[]) => Pending | undefined,
): PendingTransition {
  const settled: Settlement[] = [];
  const rest: Pending[] = [];
  let isResending = false;
  for (const item of pending) {
    const next = step(item, settled);
    if (!next) continue;
    if (next.delivery.kind !== 'accepted' && next.delivery.kind !== 'conflicted') isResending = true;
    if (isResending || next.delivery.kind !== 'accepted' || next.containedAt === undefined) {
      rest.push(next);
      continue;
    }
    const { receipt } = next.delivery;
    const { mutationId } = next.mutation;
    if (receipt.durability === 'none') settled.push({ kind: 'volatile', mutationId, receipt });
    else if (receipt.durability === 'durable' || (mirror && mirror.durableVersion >= next.containedAt)) {
      settled.push({ kind: 'durable', mutationId, receipt: { ...receipt, durability: 'durable' } });
    } else rest.push(next);
  }
  return { pending: rest, settled };
}

function accept(
  item: Pending,
  sentOn: string | undefined,
  receipt: Receipt,
  mirror: Mirror | undefined,
  settled: Settlement[],
): Pending {
  // Our timeline was forked while the answer was on its way, and the answer is not about the new one: resend it under
  // the same id.
  const forkedMeanwhile = mirror !== undefined && receipt.epoch !== mirror.epoch && sentOn !== mirror.epoch;
  if (forkedMeanwhile && item.containedAt === undefined) return { ...item, delivery: WAITING };
  settled.push({ kind: 'accepted', mutationId: item.mutation.mutationId, receipt });
  return { ...item, delivery: { kind: 'accepted', receipt }, containedAt: mirror && versionIfReached(receipt, mirror) };
}

/**
 * The receipt's version, where the mirror contains it. The receipt of a retry can bear the name of an older epoch: its
 * entry is on our timeline all the same, for the server answered. One of a newer epoch is not in our state yet, for the
 * moment until that timeline's snapshot arrives; counting it in by its number errs for that moment only, and never
 * towards durable: a new timeline begins above everything that is durable.
 */
function versionIfReached(receipt: Receipt, mirror: Mirror): number | undefined {
  return receipt.version <= mirror.version ? receipt.version : undefined;
}

/** A refusal of what the stream has shown to be applied (its id is older than the server's memory) is no refusal. */
function refuse(
  item: Pending,
  error: CampaignError,
  mirror: Mirror | undefined,
  settled: Settlement[],
): Pending | undefined {
  const { mutationId, command } = item.mutation;
  if (item.containedAt === undefined || !mirror) {
    settled.push({ kind: 'rejected', mutationId, command, error });
    return undefined;
  }
  const receipt: Receipt = {
    campaignId: item.campaignId,
    position: formatPosition(mirror.epoch, item.containedAt),
    epoch: mirror.epoch,
    version: item.containedAt,
    changed: true,
    durability: 'accepted',
    mutationId,
  };
  settled.push({ kind: 'accepted', mutationId, receipt });
  return { ...item, delivery: { kind: 'accepted', receipt } };
}
