import type { PushOutcome } from '../../../server/core/commands/push-outcome.ts';
import type { ChangeCommand, EditCommand, Mutation } from '../../../server/core/commands/command.ts';
import { treeOf } from '../../../server/core/stream/apply.ts';
import type { Entry, ViewEntry } from '../../../server/core/stream/entry.ts';
import type { DocumentTree } from '../../../server/core/document/document-tree.ts';
import type { Position } from '../../../server/core/stream/position.ts';
import { effect } from '../../../server/core/commands/effect.ts';
import { systemClock } from '../clock.ts';
import type { CampaignError } from '../errors.ts';
import type { ConflictPolicy } from '../types.ts';
import type { MirrorStep } from './conflict-rules.ts';
import { createEditRulesLoader, type EditRulesLoader } from './edit-rules-loader.ts';
import type { Conflict, Place } from './conflicts.ts';
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
 * `mirror.ts`, `pending.ts` and `conflict-rules.ts`, which are pure.
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
  /** The locks that an edit is made under: set by `locks/campaign-locks.ts` once a lock is asked for. */
  readonly locks: { of: (command: ChangeCommand) => Mutation['lock'] };
  /**
   * Calls back after every change, with what the app is to be told; in the order in which `campaign/campaign-store.ts`
   * registers: outbox, settlements, editor, pacing, store. Returns its end.
   */
  readonly onChange: (listener: PendingEditsListener) => () => void;
  /** Calls back with the mutations of each push, before it leaves. */
  readonly onSent: (listener: (mutationIds: readonly string[]) => void) => void;

  /** One more edit of the app. What is held may be sent then. */
  readonly add: (mutation: Mutation, madeAt: number, delivery: Delivery, onConflict?: ConflictPolicy) => void;
  /** Edits of an earlier page, or of a closed tab: they come before those of this one. */
  readonly importStored: (stored: readonly StoredMutation[]) => void;
  readonly amendHeld: (command: EditCommand) => void;
  readonly releaseHeld: () => void;

  /** Resolves the conflicts of an edit that is kept back. */
  readonly resolveConflicts: (mutationId: string, choice: 'mine' | 'theirs') => void;

  /** Takes the next mutations to send, in order, and marks them as sent; empty where nothing waits. */
  readonly takePush: (limits: PushLimits) => readonly Mutation[];
  /** The newest position known: on a timeline that was forked, what was lost must be resent first. */
  readonly newestSeen: () => Position | undefined;
  readonly onOutcomes: (outcomes: readonly PushOutcome[]) => void;
  readonly onUnanswered: () => void;
  readonly onRejected: (mutationId: string, error: CampaignError) => void;
  /** Calls back once everything so far has been looked at for conflicts: at once, unless the rules are being loaded. */
  readonly whenExamined: (callback: () => void) => void;

  /** The confirmed state after an event of the stream. Rebases what is pending onto it. */
  readonly onMirror: (
    mirror: Mirror,
    entries: readonly (Entry | ViewEntry)[],
    bySnapshot: boolean,
    isOwnRollback?: (mutationId: string) => boolean,
  ) => void;
  /** The stream has stopped: what others change is not known until its next event. */
  readonly onStreamLost: () => void;
  /** The confirmed state as it was last seen on this device: shown until the stream has said more. */
  readonly restoreMirror: (mirror: Mirror) => void;
  /** Drops all of them: the client was closed. */
  readonly clear: () => void;
  /** Drops the confirmed state, too. */
  readonly forget: () => void;
}

export type PendingEditsListener = (settled: readonly Settlement[]) => void;

/** @param initial what is known before the stream has said anything: a seed */
export function createPendingEdits(
  campaignId: string,
  initial: Mirror | undefined,
  rules: EditRulesLoader = createEditRulesLoader(systemClock),
): PendingEdits {
  let mirror = initial;
  let pending: readonly Pending[] = [];
  let view = EMPTY;
  /** Whether the stream has said what others have changed so far. */
  let isCurrent = false;
  const overlay = createOverlay();
  const locks: PendingEdits['locks'] = { of: () => undefined };
  /** Steps of the stream while the rules were not loaded; `undefined`: a step without its entries. */
  const unexamined: ((MirrorStep & { readonly pending: readonly Pending[] }) | undefined)[] = [];
  const listeners = new Set<PendingEditsListener>();
  let onSent = (_mutationIds: readonly string[]): void => {};

  function commit(next: PendingTransition): void {
    pending = next.pending;
    for (const listener of listeners) listener(next.settled);
  }

  // What has happened while the rules of conflicts were not loaded is examined now.
  rules.whenLoaded((loaded) => {
    const steps = unexamined.splice(0);
    if (mirror) pending = loaded.withPlaces(pending, mirror);
    for (const step of steps)
      commitConflicts({ pending, settled: [] }, step && loaded.findConflicts(step.pending, step));
    // What had to wait for the rules can be sent.
    if (pending.length > 0) commit({ pending, settled: [] });
  });

  /**
   * A transition, with the policy of each edit applied to its conflicts; without any found, to those of stale edits.
   */
  function commitConflicts(next: PendingTransition, found?: ReadonlyMap<string, readonly Conflict[]>): void {
    const confirmed = mirror;
    const loaded = rules.now();
    if (!loaded || !confirmed) return commit(next);
    const { applyConflicts, findStaleEdits, isSettled } = loaded;
    const conflicts = found ?? findStaleEdits(next.pending, confirmed);
    const isConcerned = conflicts.size > 0 || next.pending.some((item) => item.conflicts);
    commit(isConcerned ? applyConflicts(next, conflicts, (conflict) => isSettled(confirmed, conflict)) : next);
  }

  /** The same, where the entries since the edits were made are not known. */
  function commitStale(next: PendingTransition): void {
    if (!rules.now() && next.pending.length > 0) unexamined.push(undefined);
    commitConflicts(next);
  }

  function underLocks(mutation: Mutation): Mutation {
    const lock = locks.of(mutation.command);
    return lock ? { ...mutation, lock } : mutation;
  }

  function placesOf(before: DocumentTree, command: EditCommand): readonly Place[] | undefined {
    return mirror && rules.now()?.placesOf(before, command);
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
    locks,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onSent(listener) {
      onSent = listener;
    },

    add(mutation, madeAt, delivery, policy = 'mine') {
      void rules.load();
      const onConflict = policy === 'mine' ? undefined : policy;
      const made: Pending = {
        campaignId,
        mutation: underLocks(mutation),
        madeAt,
        delivery,
        onConflict,
        isUnsent: policy === 'theirs' ? true : undefined,
        places: placesOf(readView(), mutation.command),
        containedAt: undefined,
      };
      const isConflicted = pending.some((item) => item.delivery.kind === 'conflicted');
      const added = isConflicted
        ? rules.now()?.joinConflicts(pending, made, effect(readView(), mutation.command))
        : undefined;
      commit({ pending: [...reducers.releaseHeld(pending), added ?? made], settled: [] });
    },
    importStored(stored) {
      void rules.load();
      commitStale({ pending: reducers.importStored(pending, campaignId, stored), settled: [] });
    },
    amendHeld(command) {
      const places = placesOf(readViewBeforeHeld(), command);
      const amended = reducers.amendHeld(pending, command, places);
      const next = amended.map((item) =>
        reducers.isHeld(item) ? { ...item, mutation: underLocks(item.mutation) } : item,
      );
      commit({ pending: next, settled: [] });
    },
    releaseHeld: () => commit({ pending: reducers.releaseHeld(pending), settled: [] }),

    resolveConflicts(mutationId, choice) {
      // Conflicts that an earlier page has found are there before the rules.
      void rules.load();
      rules.whenLoaded((loaded) => commit(loaded.resolveConflicts(pending, mutationId, choice, mirror)));
    },

    takePush(limits) {
      // What asks for the rules waits for them: now that there is a connection, they may be there to be had.
      if (pending.length > 0) void rules.load();
      const push = reducers.nextPush(pending, limits, isCurrent && rules.now() !== undefined);
      const isFirst = pending.some(({ isUnsent }) => isUnsent);
      pending = reducers.markSent(pending, push, mirror);
      onSent(push.map(({ mutationId }) => mutationId));
      // The device is to know that it may have been sent.
      if (isFirst && push.length > 0) commit({ pending, settled: [] });
      return push;
    },
    newestSeen: () => reducers.newestSeen(pending, mirror),
    onOutcomes: (outcomes) => commit(reducers.applyOutcomes(pending, outcomes, mirror)),
    onUnanswered: () => commit({ pending: reducers.requeueSent(pending), settled: [] }),
    onRejected: (mutationId, error) => commit(reducers.reject(pending, mutationId, error, mirror)),

    whenExamined(callback) {
      if (unexamined.length > 0) rules.whenLoaded(callback);
      else callback();
    },

    onMirror(next, entries, bySnapshot, isOwnRollback = () => false) {
      const before = mirror;
      mirror = next;
      isCurrent = true;
      if (entries.length > 0 && pending.length > 0) void rules.load();
      const rebased = reducers.rebase(pending, before, next, entries, bySnapshot);
      // After a fork, what differs is what was lost.
      if (bySnapshot) return before && before.epoch !== next.epoch ? commit(rebased) : commitStale(rebased);
      const step = before && { before, after: next, entries, isOwn: isOwnRollback };
      const loaded = rules.now();
      if (loaded || !step || pending.length === 0)
        return commitConflicts(rebased, step && loaded ? loaded.findConflicts(pending, step) : new Map());
      unexamined.push({ ...step, pending });
      commit(rebased);
    },
    onStreamLost() {
      isCurrent = false;
    },
    restoreMirror(restored) {
      mirror = restored;
      commitStale({ pending, settled: [] });
    },
    clear: () => commit({ pending: [], settled: [] }),
    forget() {
      mirror = undefined;
      view = EMPTY;
    },
  };
}
