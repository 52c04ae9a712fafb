import type { PushOutcome } from '../../../server/core/commands/push-outcome.ts';
import type { EditCommand, Mutation } from '../../../server/core/commands/command.ts';
import { treeOf } from '../../../server/core/stream/apply.ts';
import type { Entry, ViewEntry } from '../../../server/core/stream/entry.ts';
import type { DocumentTree } from '../../../server/core/document/document-tree.ts';
import type { Position } from '../../../server/core/stream/position.ts';
import type { CampaignError } from '../errors.ts';
import type { Mirror } from './mirror.ts';
import { createOverlay } from './overlay.ts';
import * as reducers from './pending.ts';
import type { Delivery, Pending, PendingTransition, PushLimits, Settlement, StoredMutation } from './pending.ts';
import { shareStructure } from './structural-sharing.ts';

/** The document before the first snapshot. */
const EMPTY: DocumentTree = Object.freeze({});

/**
 * The pending edits of one campaign, and the confirmed state (the mirror) that they are rebased onto: the one mutable
 * place of both. The store shows it, the outbox sends from it, pacing holds its newest edit back. All decisions are in
 * `mirror.ts` and `pending.ts`, which are pure.
 */
export interface PendingEdits {
  readonly mirror: () => Mirror | undefined;
  /** In the order of intent. */
  readonly list: () => readonly Pending[];
  /** The optimistic view: the confirmed state with everything pending on top. */
  readonly view: () => DocumentTree;
  /** The view without the held edit: what that edit was made on. */
  readonly viewBeforeHeld: () => DocumentTree;
  /** The newest edit, while it is held back (`pacing.ts`). */
  readonly held: () => Pending | undefined;
  /** Calls back after every change, with what the app is to be told; in the order of registration. Returns its end. */
  readonly onChange: (listener: PendingEditsListener) => () => void;

  /** One more edit of the app. What is held may be sent then. */
  readonly add: (mutation: Mutation, madeAt: number, delivery: Delivery) => void;
  /** Edits of an earlier page, or of a closed tab: they come before those of this one. */
  readonly importStored: (stored: readonly StoredMutation[]) => void;
  readonly amendHeld: (command: EditCommand) => void;
  readonly releaseHeld: () => void;

  /** Takes the next mutations to send, in order, and marks them as sent; empty where nothing waits. */
  readonly takePush: (limits: PushLimits) => readonly Mutation[];
  /** The newest position known: on a timeline that was forked, what was lost must be resent first. */
  readonly newestSeen: () => Position | undefined;
  readonly onOutcomes: (outcomes: readonly PushOutcome[]) => void;
  readonly onUnanswered: () => void;
  readonly onRejected: (mutationId: string, error: CampaignError) => void;

  /** The confirmed state after an event of the stream. Rebases what is pending onto it. */
  readonly onMirror: (mirror: Mirror, entries: readonly (Entry | ViewEntry)[], bySnapshot: boolean) => void;
  /** The confirmed state as it was last seen on this device: shown until the stream has said more. */
  readonly restoreMirror: (mirror: Mirror) => void;
  /** Drops all of them: the client was closed. */
  readonly clear: () => void;
}

export type PendingEditsListener = (settled: readonly Settlement[]) => void;

/** @param initial what is known before the stream has said anything: a seed */
export function createPendingEdits(campaignId: string, initial: Mirror | undefined): PendingEdits {
  let mirror = initial;
  let pending: readonly Pending[] = [];
  let view = EMPTY;
  const overlay = createOverlay();
  const listeners = new Set<PendingEditsListener>();

  function commit(next: PendingTransition): void {
    pending = next.pending;
    for (const listener of listeners) listener(next.settled);
  }

  function held(): Pending | undefined {
    const newest = pending.at(-1);
    return newest?.delivery.kind === 'held' ? newest : undefined;
  }

  return {
    mirror: () => mirror,
    list: () => pending,
    view() {
      if (mirror) view = shareStructure(view, overlay(treeOf(mirror.content), pending));
      return view;
    },
    viewBeforeHeld: () => (mirror ? overlay(treeOf(mirror.content), pending.slice(0, held() ? -1 : undefined)) : EMPTY),
    held,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },

    add(mutation, madeAt, delivery) {
      const made: Pending = { campaignId, mutation, madeAt, delivery, containedAt: undefined };
      commit({ pending: [...reducers.releaseHeld(pending), made], settled: [] });
    },
    importStored: (stored) => commit({ pending: reducers.importStored(pending, campaignId, stored), settled: [] }),
    amendHeld: (command) => commit({ pending: reducers.amendHeld(pending, command), settled: [] }),
    releaseHeld: () => commit({ pending: reducers.releaseHeld(pending), settled: [] }),

    takePush(limits) {
      const push = reducers.nextPush(pending, limits);
      pending = reducers.markSent(pending, push, mirror);
      return push;
    },
    newestSeen: () => reducers.newestSeen(pending, mirror),
    onOutcomes: (outcomes) => commit(reducers.applyOutcomes(pending, outcomes, mirror)),
    onUnanswered: () => commit({ pending: reducers.requeueSent(pending), settled: [] }),
    onRejected: (mutationId, error) => commit(reducers.reject(pending, mutationId, error, mirror)),

    onMirror(next, entries, bySnapshot) {
      const before = mirror;
      mirror = next;
      commit(reducers.rebase(pending, before, next, entries, bySnapshot));
    },
    restoreMirror(restored) {
      mirror = restored;
      commit({ pending, settled: [] });
    },
    clear: () => commit({ pending: [], settled: [] }),
  };
}
