import type { Viewer } from '../../../server/core/document/targeting-fields.ts';
import type { WatchEvent } from '../../../server/core/stream/events.ts';
import type { Clock } from '../clock.ts';
import { notifyAll, type ErrorReporter } from '../callbacks.ts';
import { type CampaignError, closedError } from '../errors.ts';
import { type Connection } from '../link/connection.ts';
import { createEditRulesLoader } from '../sync/edit-rules-loader.ts';
import { fold, positionOf, type Mirror } from '../sync/mirror.ts';
import type { Pending, StoredMutation } from '../sync/pending.ts';
import { createPendingEdits } from '../sync/pending-edits.ts';
import { mirrorOf, type CampaignSeed } from '../sync/seed.ts';
import { countPageOnly, type DeviceView } from '../sync/sync-status.ts';
import type { Campaign, CampaignSnapshot, ConflictPolicy, InspectedCampaign } from '../types.ts';
import { editFunctions } from './commands.ts';
import { createEditor, type Editor } from './editor.ts';
import { failureOf, isSameError, NO_FAILURE, type Failure } from './failure.ts';
import { createLinger } from '../linger.ts';
import { startOutbox } from './outbox.ts';
import { createPacing } from './pacing.ts';
import { createRequests } from './requests.ts';
import { createSettlements } from './settlements.ts';
import { snapshotOf } from './snapshot.ts';
import { createWatcher, watcherOf } from './watcher.ts';

export interface CampaignStoreOptions {
  readonly campaignId: string;
  readonly connection: Connection;
  readonly clock: Clock;
  /** How long the stream stays after the last subscriber has left, in milliseconds. */
  readonly releaseAfterMs: number;
  /** The longest pause within one undo step of what is typed, in milliseconds. */
  readonly undoGroupMs: number;
  readonly onConflict: ConflictPolicy;
  readonly seed: CampaignSeed | undefined;
  readonly viewer: () => Viewer | undefined;
  readonly device: DeviceView;
  /** Takes what a listener of the app threw. */
  readonly report: ErrorReporter;
  /** Makes the functions of a campaign that say what its viewer was shown and did. */
  readonly tracking: (campaign: () => Campaign) => Pick<Campaign, 'expose' | 'track'>;
  /** What is not known to be durable has changed. */
  readonly onPending: (pending: readonly Pending[]) => void;
  /** The confirmed state has moved. */
  readonly onConfirmed: () => void;
  /** The server does not let this user see it. */
  readonly onHidden: () => void;
  /** Somebody reads it or edits it, or nobody does any more. */
  readonly onNeed: (store: CampaignStore, isNeeded: boolean) => void;
}

/** What was confirmed last, where its stream goes on, and for whom it was. */
export interface LastSeen {
  readonly mirror: Mirror;
  readonly resumeId: string;
  readonly viewer: Viewer | undefined;
}

/** A campaign's handle, and what the client itself does with it. */
export interface CampaignStore extends InspectedCampaign {
  readonly campaignId: string;
  /** An edit under an id that was made before this store was there. */
  readonly edit: Editor['edit'];
  /** Edits of an earlier page, or of a closed tab: they come before those of this one. */
  readonly importStored: (stored: readonly StoredMutation[]) => void;
  /** What was seen on an earlier visit: shown until the server has said more. */
  readonly restore: (seen: CampaignSeed, resumeId: string) => void;
  /** What is to be kept for the next visit. */
  readonly lastSeen: () => LastSeen | undefined;
  /** Another viewer was set. */
  readonly onViewer: () => void;
  /** What is stored on the device has changed, or whether it works. */
  readonly onDeviceChange: () => void;
  readonly close: () => void;
  /** Whether it has nothing to tell, nor to take back: it can be made anew from what the server says. */
  readonly isSettled: () => boolean;
  /** Shows nothing of it any more: its user has logged out. */
  readonly forget: () => void;
}

/**
 * The wiring of one campaign: the watcher's events move the mirror, the mirror and the answers move the pending edits,
 * both together are the snapshot. It decides nothing: the pure parts in `sync/` do.
 */
export function createCampaignStore(options: CampaignStoreOptions): CampaignStore {
  const { campaignId, connection, clock, onConflict, seed, viewer, device, report } = options;
  const listeners = new Set<() => void>();
  let snapshot: CampaignSnapshot | undefined;
  let error: CampaignError | undefined;
  let failure = NO_FAILURE;
  let isStale = false;
  let closed = false;
  let isViewerPending = false;
  let seenAs = viewer();

  // In this order they hear of a change of the pending edits: what is to be sent leaves first, the app is told last.
  const rules = createEditRulesLoader(clock);
  const edits = createPendingEdits(campaignId, seed && mirrorOf(seed), rules);
  const outbox = startOutbox({ campaignId, connection, clock, edits, onDeleted });
  const settlements = createSettlements(edits, clock);
  const editor = createEditor({
    edits,
    settlements,
    rules,
    clock,
    undoGroupMs: options.undoGroupMs,
    onConflict,
    publish,
  });
  const pacing = createPacing(edits, editor, clock);
  let hadPending = false;
  edits.onChange(() => {
    const pending = edits.list();
    if (!closed && (hadPending || pending.length > 0)) options.onPending(pending);
    hadPending = pending.length > 0;
    publish();
    updateNeed();
  });

  const watcher = createWatcher({
    campaignId,
    connection,
    clock,
    resumeId: position(),
    viewer: () => (seenAs = viewer()),
    onStarted: onResumed,
    onEvent,
    onError,
    onRetry(reason, count) {
      failure = { failureReason: reason, failureCount: count };
      publish();
    },
  });
  let stopListening = () => {};
  // While nobody needs it, it listens to nothing, so that nothing holds it.
  const stream = {
    start() {
      options.onNeed(store, true);
      stopListening = connection.state.subscribe(onConnection);
      onConnection();
      watcher.start();
    },
    stop() {
      watcher.stop();
      stopListening();
      edits.onStreamLost();
      options.onNeed(store, false);
    },
  };
  const linger = createLinger(stream, clock, options.releaseAfterMs);

  function onConnection(): void {
    outbox.wake();
    if (connection.state.getSnapshot().status !== 'connected') edits.onStreamLost();
    if (edits.list().length > 0 || currentFailure().failureReason !== snapshot?.failureReason) publish();
  }

  function onEvent(event: WatchEvent): boolean {
    const before = edits.mirror();
    const folded = fold(before, event);
    if (folded.kind === 'gap') return false;
    error = undefined;
    failure = NO_FAILURE;
    // A relay says so of what it shows, while the server that it stands before is away.
    isStale = 'stale' in event;
    isViewerPending = false;
    edits.onMirror(folded.mirror, folded.entries, event.type === 'snapshot', editor.isRollback);
    editor.onEntries(before, folded.entries);
    options.onConfirmed();
    // An app with these options edits, and may be offline when it does so for the first time.
    if (onConflict !== 'mine' || device.status() !== 'off') void rules.load();
    return true;
  }

  function currentFailure(): Failure {
    return failureOf(connection.state.getSnapshot(), failure);
  }

  function onError(reason: CampaignError): void {
    if (isSameError(error, reason)) return;
    error = reason;
    if (reason.deletedAt !== undefined) forgetDeleted(reason);
    if (reason.reason === 'FORBIDDEN' || reason.reason === 'NOT_FOUND') options.onHidden();
    publish();
  }

  /** A push was answered so: its stream may not have been. */
  function onDeleted(reason: CampaignError): void {
    forgetDeleted(reason);
    onError(reason);
  }

  /** Nothing of it stays: what is pending is refused, and the device keeps neither that nor what was seen. */
  function forgetDeleted(reason: CampaignError): void {
    watcher.forget();
    editor.forget();
    for (const { mutation } of edits.list()) edits.onRejected(mutation.mutationId, reason);
    edits.forget();
  }

  /** The stream continues from what is shown, or corrects it with its next frame. */
  function onResumed(): void {
    if (!isStale) return;
    isStale = false;
    publish();
  }

  function publish(): void {
    snapshot = undefined;
    notifyAll(listeners, report);
  }

  /** The stream is needed while someone reads, and while something of ours is unsaved. */
  function updateNeed(): void {
    linger.need(listeners.size > 0 || edits.list().length > 0);
  }

  function position() {
    const mirror = edits.mirror();
    return mirror && positionOf(mirror);
  }

  function getSnapshot(): CampaignSnapshot {
    const isConnected = connection.state.getSnapshot().status === 'connected';
    return (snapshot ??= snapshotOf(
      { campaignId, edits, settlements, editor, device },
      { isStale, error, isConnected, isViewerPending, ...currentFailure() },
    ));
  }

  const initial = getSnapshot();
  const campaign: Campaign = {
    subscribe(listener) {
      const entry = () => listener();
      listeners.add(entry);
      if (error) watcher.retryNow();
      updateNeed();
      return () => {
        listeners.delete(entry);
        updateNeed();
      };
    },
    getSnapshot,
    getInitialSnapshot: () => initial,
    ...editFunctions((command, given) => editor.edit(clock.id(), command, given)),
    ...createRequests({ campaignId, connection, clock, edits, editor }),
    ...pacing,
    ...options.tracking(() => campaign),
    undo: () => editor.takeBack('undo'),
    redo: () => editor.takeBack('redo'),
    resolveConflict: edits.resolveConflicts,
    retry() {
      if (closed) return;
      error = undefined;
      failure = NO_FAILURE;
      if (listeners.size > 0 || edits.list().length > 0) watcher.start();
      publish();
    },
    dismiss(mutationId) {
      settlements.dismiss(mutationId);
      publish();
    },
  };

  watcherOf.set(campaign, watcher);

  const store: CampaignStore = {
    campaignId,
    campaign,
    pending: edits.list,
    isSettled() {
      const { rejected, overwritten } = settlements.answers();
      return rejected.length + overwritten.length === 0 && !editor.canUndo() && !editor.canRedo();
    },
    edit: editor.edit,
    importStored: edits.importStored,
    restore(seen, resumeId) {
      const mirror = edits.mirror() || closed ? undefined : mirrorOf(seen);
      if (!mirror) return;
      isStale = true;
      watcher.resumeAt(resumeId);
      edits.restoreMirror(mirror);
    },
    lastSeen() {
      const [mirror, resumeId] = [edits.mirror(), watcher.resumeId()];
      // Until the server has said what another viewer sees, what is shown is somebody else's.
      return mirror && resumeId !== undefined && !isViewerPending ? { mirror, resumeId, viewer: seenAs } : undefined;
    },
    onViewer() {
      isViewerPending = edits.mirror() !== undefined && !closed;
      watcher.renew();
      publish();
    },
    onDeviceChange() {
      const shown = snapshot?.sync;
      if (shown?.storage !== device.status() || shown.pageOnlyCount !== countPageOnly(edits.list(), device)) publish();
    },
    close() {
      closed = true;
      editor.close();
      rules.stop();
      linger.end();
      outbox.stop();
      settlements.close();
      error = closedError();
      edits.clear();
      publish();
    },
    forget() {
      edits.forget();
      publish();
    },
  };
  return store;
}
