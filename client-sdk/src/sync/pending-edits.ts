import type { PushOutcome } from '../../../server/core/commands/push-outcome.ts';
import type { EditCommand, Mutation } from '../../../server/core/commands/command.ts';
import { treeOf } from '../../../server/core/stream/apply.ts';
import type { Entry, ViewEntry } from '../../../server/core/stream/entry.ts';
import type { DocumentTree } from '../../../server/core/document/document-tree.ts';
import type { Position } from '../../../server/core/stream/position.ts';
import { effect } from '../../../server/core/commands/effect.ts';
import type { CampaignError } from '../errors.ts';
import type { ConflictPolicy } from '../types.ts';
import { findConflicts, findStaleEdits, isSettled, placesOf, type Conflict, type Place } from './conflicts.ts';
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
  readonly add: (mutation: Mutation, madeAt: number, delivery: Delivery, onConflict?: ConflictPolicy) => void;
  /** Edits of an earlier page, or of a closed tab: they come before those of this one. */
  readonly importStored: (stored: readonly StoredMutation[]) => void;
  readonly amendHeld: (command: EditCommand) => void;
  readonly releaseHeld: () => void;

  /** Takes the next mutations to send, in order, and marks them as sent; empty where nothing waits. */
  /** Resolves the conflicts of an edit that is kept back. */
  readonly resolveConflicts: (mutationId: string, choice: 'mine' | 'theirs') => void;

  readonly takePush: (limits: PushLimits) => readonly Mutation[];
  /** The newest position known: on a timeline that was forked, what was lost must be resent first. */
  readonly newestSeen: () => Position | undefined;
  readonly onOutcomes: (outcomes: readonly PushOutcome[]) => void;
  readonly onUnanswered: () => void;
  readonly onRejected: (mutationId: string, error: CampaignError) => void;

  /** The confirmed state after an event of the stream. Rebases what is pending onto it. */
  readonly onMirror: (
    mirror: Mirror,
    entries: readonly (Entry | ViewEntry)[],
    bySnapshot: boolean,
    isOwn?: (mutationId: string) => boolean,
  ) => void;
  /** The stream has stopped: what others change is not known until its next event. */
  readonly onStreamLost: () => void;
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
  /** Whether the stream has said what others have changed so far. */
  let isCurrent = false;
  const overlay = createOverlay();
  const listeners = new Set<PendingEditsListener>();

  function commit(next: PendingTransition): void {
    pending = next.pending;
    for (const listener of listeners) listener(next.settled);
  }

  /** The same, with the edits whose conflicts were found; open ones are looked at again in any case. */
  function commitConflicts(next: PendingTransition, found: ReadonlyMap<string, readonly Conflict[]> = new Map()): void {
    const confirmed = mirror;
    const isConcerned = found.size > 0 || next.pending.some(({ conflicts }) => conflicts);
    if (!confirmed || !isConcerned) return commit(next);
    commit(reducers.applyConflicts(next, found, (conflict) => isSettled(confirmed, conflict)));
  }

  /** The same, where the entries since the edits were made are not known. */
  function commitStale(next: PendingTransition): void {
    commitConflicts(next, mirror && findStaleEdits(next.pending, mirror));
  }

  function placesMade(command: EditCommand): readonly Place[] | undefined {
    return mirror && placesOf(readView(), command);
  }

  function readViewBeforeHeld(): DocumentTree {
    return mirror ? overlay(treeOf(mirror.content), pending.slice(0, held() ? -1 : undefined)) : EMPTY;
  }

  function readView(): DocumentTree {
    if (mirror) view = shareStructure(view, overlay(treeOf(mirror.content), pending));
    return view;
  }

  function held(): Pending | undefined {
    const newest = pending.at(-1);
    return newest && reducers.isHeld(newest) ? newest : undefined;
  }

  return {
    mirror: () => mirror,
    list: () => pending,
    view: readView,
    viewBeforeHeld: readViewBeforeHeld,
    held,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },

    add(mutation, madeAt, delivery, policy = 'mine') {
      const onConflict = policy === 'mine' ? undefined : policy;
      const made: Pending = {
        campaignId,
        mutation,
        madeAt,
        delivery,
        onConflict,
        places: placesMade(mutation.command),
        containedAt: undefined,
      };
      const isConflicted = pending.some((item) => item.delivery.kind === 'conflicted');
      const added = isConflicted ? reducers.joinConflicts(pending, made, effect(readView(), mutation.command)) : made;
      commit({ pending: [...reducers.releaseHeld(pending), added], settled: [] });
    },
    importStored: (stored) => commitStale({ pending: reducers.importStored(pending, campaignId, stored), settled: [] }),
    amendHeld(command) {
      const places = mirror && placesOf(readViewBeforeHeld(), command);
      commit({ pending: reducers.amendHeld(pending, command, places), settled: [] });
    },
    releaseHeld: () => commit({ pending: reducers.releaseHeld(pending), settled: [] }),

    resolveConflicts: (mutationId, choice) => commit(reducers.resolveConflicts(pending, mutationId, choice, mirror)),

    takePush(limits) {
      const push = reducers.nextPush(pending, limits, isCurrent);
      pending = reducers.markSent(pending, push, mirror);
      return push;
    },
    newestSeen: () => reducers.newestSeen(pending, mirror),
    onOutcomes: (outcomes) => commit(reducers.applyOutcomes(pending, outcomes, mirror)),
    onUnanswered: () => commit({ pending: reducers.requeueSent(pending), settled: [] }),
    onRejected: (mutationId, error) => commit(reducers.reject(pending, mutationId, error, mirror)),

    onMirror(next, entries, bySnapshot, isOwn = () => false) {
      const before = mirror;
      mirror = next;
      isCurrent = true;
      const rebased = reducers.rebase(pending, before, next, entries, bySnapshot);
      // After a fork, what differs is what was lost.
      if (bySnapshot) return before && before.epoch !== next.epoch ? commit(rebased) : commitStale(rebased);
      commitConflicts(rebased, before && findConflicts(pending, { before, after: next, entries, isOwn }));
    },
    onStreamLost() {
      isCurrent = false;
    },
    restoreMirror(restored) {
      mirror = restored;
      commitStale({ pending, settled: [] });
    },
    clear: () => commit({ pending: [], settled: [] }),
  };
}
