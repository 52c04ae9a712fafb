import type { EditCommand, Mutation } from '../../../server/core/commands/command.ts';
import type { JsonObject } from '../../../server/core/json.ts';
import type { WatchEvent } from '../../../server/core/stream/events.ts';
import { failedChange } from './change.ts';
import type { Clock } from '../clock.ts';
import { closedError, type Connection } from '../link/connection.ts';
import { asDocument } from '../document.ts';
import { createSettlements } from './settlements.ts';
import { editors } from './commands.ts';
import { CampaignError } from '../errors.ts';
import { fold, positionOf, type Mirror } from '../sync/mirror.ts';
import { createOutbox, refuseUnsendable } from './outbox.ts';
import type { StoredMutation } from '../device/device-storage.ts';
import { createOverlay } from '../sync/overlay.ts';
import { createPacing } from './pacing.ts';
import * as ledger from '../sync/pending.ts';
import type { Pending, Step } from '../sync/pending.ts';
import { requests } from './requests.ts';
import { createLinger } from './linger.ts';
import { mirrorOf, seedOf, type CampaignSeed } from '../sync/seed.ts';
import { shareStructure } from '../sync/structural-sharing.ts';
import { syncStatus } from '../sync/sync-status.ts';
import { forgotten, NO_STEPS, recorded, takenBack, type Origin } from '../sync/undo.ts';
import type { Campaign, CampaignSnapshot, Change, EditOptions } from '../types.ts';
import { createWatcher } from './watcher.ts';

/** What is shown before the first snapshot. */
const EMPTY: JsonObject = Object.freeze({});

const NO_ENTRIES: CampaignSnapshot['recentEntries'] = Object.freeze([]);

export interface CampaignStoreOptions {
  readonly campaignId: string;
  readonly connection: Connection;
  readonly clock: Clock;
  /** How long the stream stays after the last subscriber has left, in milliseconds. */
  readonly releaseAfterMs: number;
  readonly seed: CampaignSeed | undefined;
  /** Hears of every change of what is not known to be durable. */
  readonly onPending: (pending: readonly Pending[]) => void;
  /** The confirmed state has moved. */
  readonly onSeen: () => void;
  /** The server does not let this user see it. */
  readonly onHidden: () => void;
}

/** A campaign's handle, and what the client itself does with it. */
export interface CampaignStore {
  readonly campaign: Campaign;
  /** An edit under an id that was made before this store was there. */
  readonly edit: (mutationId: string, build: () => EditCommand, options: EditOptions | undefined) => Change;
  /** Edits of an earlier life of this page, or of a tab that is gone: they come before those of this one. */
  readonly adopt: (mutations: readonly StoredMutation[]) => void;
  /** What was seen on an earlier visit: shown until the server has said more. */
  readonly recall: (seen: CampaignSeed, resumeId: string) => void;
  /** What is to be kept for the next visit. */
  readonly seen: () => { readonly seed: CampaignSeed; readonly resumeId: string } | undefined;
  readonly close: () => void;
}

/**
 * Joins the parts: the watcher's events move the mirror, the mirror and the answers move the pending mutations, both
 * together are the view. All decisions are in `mirror.ts` and `pending.ts`, which are pure; what is here keeps their
 * state and tells the world.
 */
export function createCampaignStore(options: CampaignStoreOptions): CampaignStore {
  const { campaignId, connection, clock, releaseAfterMs, seed, onPending, onSeen, onHidden } = options;
  let mirror: Mirror | undefined = seed && mirrorOf(seed);
  let pending: readonly Pending[] = [];
  let error: CampaignError | undefined;
  let isStale = false;
  let closed = false;
  let steps = NO_STEPS;
  let snapshot: CampaignSnapshot | undefined;
  let view = EMPTY;
  const listeners = new Set<() => void>();
  const book = createSettlements(clock);
  const overlay = createOverlay();

  const watcher = createWatcher({
    campaignId,
    connection,
    clock,
    resumeId: mirror && positionOf(mirror),
    onStarted: confirmed,
    onEvent,
    onError,
  });
  const retention = createLinger(watcher, clock, releaseAfterMs);
  const outbox = createOutbox({
    campaignId,
    connection,
    clock,
    queue: {
      take(limits) {
        const push = ledger.nextPush(pending, limits);
        pending = ledger.markSent(pending, push, mirror);
        return push;
      },
      seen: () => ledger.newestSeen(pending, mirror),
      answered: (outcomes) => take(ledger.answered(pending, outcomes, mirror)),
      unanswered: () => take({ pending: ledger.unanswered(pending), settled: [] }),
      rejected: (mutationId, reason) => take(ledger.rejected(pending, mutationId, reason, mirror)),
    },
  });
  const stopListening = connection.state.subscribe(() => pending.length > 0 && changed());

  function onEvent(event: WatchEvent): boolean {
    const folded = fold(mirror, event);
    if (folded.kind === 'gap') return false;
    const before = mirror;
    mirror = folded.mirror;
    error = undefined;
    isStale = false;
    onSeen();
    take(ledger.followed(pending, before, mirror, folded.entries, event.type === 'snapshot'));
    outbox.wake();
    return true;
  }

  function onError(reason: CampaignError): void {
    error = reason;
    if (reason.reason === 'FORBIDDEN' || reason.reason === 'NOT_FOUND') onHidden();
    changed();
  }

  /** The stream goes on from what is shown, or corrects it with its next frame. */
  function confirmed(): void {
    if (!isStale) return;
    isStale = false;
    changed();
  }

  /** A step of the pending mutations: keep what is left, tell who waits, show it. */
  function take(step: Step): void {
    const before = pending;
    pending = step.pending;
    if (before.length + pending.length > 0) onPending(pending);
    for (const settlement of step.settled) {
      if (settlement.kind === 'rejected') steps = forgotten(steps, settlement.mutationId);
      book.settle(settlement);
    }
    changed();
    hold();
  }

  function changed(): void {
    snapshot = undefined;
    for (const listener of listeners) listener();
  }

  /** The stream is needed while someone reads, and while something of ours is unsaved. */
  function hold(): void {
    retention.need(listeners.size > 0 || pending.length > 0);
  }

  function getSnapshot(): CampaignSnapshot {
    if (snapshot) return snapshot;
    snapshot = {
      campaignId,
      status: error ? 'error' : mirror ? 'success' : 'pending',
      state: asDocument(currentView()),
      isStale,
      position: mirror && positionOf(mirror),
      version: mirror?.version ?? 0,
      durableVersion: mirror?.durableVersion ?? 0,
      archivedAt: mirror?.content.archivedAt,
      recentEntries: mirror?.recent ?? NO_ENTRIES,
      sync: syncStatus(
        pending,
        book.rejected(),
        book.isVolatile(),
        connection.state.getSnapshot().status === 'connected',
      ),
      canUndo: steps.undo.length > 0,
      canRedo: steps.redo.length > 0,
      error,
    };
    return snapshot;
  }

  function currentView(): JsonObject {
    if (mirror) view = shareStructure(view, overlay(mirror.content.state, pending));
    return view;
  }

  /** An edit is shown before this returns, and sent soon after; a held one is sent when it is released. */
  function edit(
    mutationId: string,
    build: () => EditCommand,
    options: EditOptions | undefined,
    origin: Origin = 'edit',
    delivery: Pending['delivery'] = { kind: 'waiting' },
  ): Change {
    let command: EditCommand | undefined;
    try {
      if (closed) throw closedError();
      command = build();
      refuseUnsendable(command, pending.length);
    } catch (thrown) {
      if (!(thrown instanceof CampaignError)) throw thrown;
      book.reject(mutationId, command, thrown);
      changed();
      return failedChange(mutationId, thrown);
    }
    const mutation: Mutation = { mutationId, command, ...(mirror && { base: positionOf(mirror) }), ...options };
    if (mirror) steps = recorded(steps, mutationId, currentView(), command, origin);
    const { change } = book.open(mutationId);
    pacing.cancel();
    // Before anyone hears of it: the change is on its way before a framework that renders in a microtask of its own has
    // begun.
    outbox.wake();
    const made: Pending = { campaignId, mutation, madeAt: clock.now(), delivery, containedAt: undefined };
    take({ pending: [...ledger.released(pending), made], settled: [] });
    return change;
  }

  const pacing = createPacing(
    {
      command: () => heldOne()?.mutation.command,
      begin: (build) => edit(clock.id(), build, undefined, 'edit', { kind: 'held' }),
      amend(command) {
        const mutationId = heldOne()?.mutation.mutationId;
        const open = mutationId === undefined ? undefined : book.find(mutationId);
        if (mutationId === undefined || !open) return undefined;
        const before = mirror && overlay(mirror.content.state, pending.slice(0, -1));
        if (before) steps = recorded(forgotten(steps, mutationId), mutationId, before, command, 'edit');
        take({ pending: ledger.amended(pending, command), settled: [] });
        return open.change;
      },
      release() {
        take({ pending: ledger.released(pending), settled: [] });
        outbox.wake();
      },
    },
    clock,
  );

  function heldOne(): Pending | undefined {
    const newest = pending.at(-1);
    return newest?.delivery.kind === 'held' ? newest : undefined;
  }

  function takeBack(from: 'undo' | 'redo'): Change | undefined {
    const back = takenBack(steps, from, currentView());
    steps = back ? back.stacks : { ...steps, [from]: [] };
    if (back) return edit(clock.id(), () => back.command, undefined, from);
    changed();
    return undefined;
  }

  /** Resolves when everything made so far has been answered: what is sent then comes after it. */
  function allAnswered(): Promise<void> {
    pacing.flush();
    return new Promise((resolve) => {
      const look = () => {
        if (pending.some(({ delivery }) => delivery.kind !== 'accepted')) return;
        listeners.delete(look);
        resolve();
      };
      listeners.add(look);
      look();
    });
  }

  const initial = getSnapshot();
  const campaign: Campaign = {
    subscribe(listener) {
      const entry = () => listener();
      listeners.add(entry);
      hold();
      return () => {
        listeners.delete(entry);
        hold();
      };
    },
    getSnapshot,
    getInitialSnapshot: () => initial,
    ...editors((build, options) => edit(clock.id(), build, options)),
    ...requests({ campaignId, connection, clock, position: () => mirror && positionOf(mirror), allAnswered }),
    pacedUpdate: pacing.pacedUpdate,
    flush: pacing.flush,
    undo: () => takeBack('undo'),
    redo: () => takeBack('redo'),
    dismiss(mutationId) {
      book.dismiss(mutationId);
      changed();
    },
  };

  return {
    campaign,
    edit,
    adopt(mutations) {
      const known = new Set(pending.map(({ mutation }) => mutation.mutationId));
      const adopted = mutations
        .filter(({ mutation }) => !known.has(mutation.mutationId))
        .map(({ mutation, madeAt }): Pending => ({
          campaignId,
          mutation,
          madeAt,
          delivery: { kind: 'waiting' },
          isRetry: true,
          containedAt: undefined,
        }));
      take({ pending: [...adopted, ...pending], settled: [] });
      outbox.wake();
    },
    recall(seen, resumeId) {
      if (mirror || closed) return;
      mirror = mirrorOf(seen);
      if (!mirror) return;
      isStale = true;
      watcher.resumeAt(resumeId);
      changed();
    },
    seen() {
      const resumeId = watcher.resumeId();
      return mirror && resumeId !== undefined ? { seed: seedOf(campaignId, mirror), resumeId } : undefined;
    },
    close() {
      closed = true;
      pacing.cancel();
      retention.end();
      outbox.stop();
      stopListening();
      book.close();
      pending = [];
      changed();
    },
  };
}
