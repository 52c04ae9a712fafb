import type { CampaignStore } from './campaign-store.ts';
import { openChange, type OpenChange } from './change.ts';
import type { Clock } from '../clock.ts';
import type { Connection } from '../link/connection.ts';
import { notifyAll, type ErrorReporter } from '../callbacks.ts';
import { refusedDelay } from '../link/backoff.ts';
import { callUntilAnswered } from '../link/direct-call.ts';
import { editFunctions } from './commands.ts';
import { noDefaultCampaign, toCampaignError, type CampaignError } from '../errors.ts';
import type { Campaign } from '../types.ts';
import { failureOf, NO_FAILURE } from './failure.ts';
import { UNKNOWN_CAMPAIGN } from './snapshot.ts';
import { bounded, type WaitOptions } from '../within.ts';

export interface DefaultCampaignOptions {
  readonly connection: Connection;
  readonly clock: Clock;
  /** Takes what a listener of the app threw. */
  readonly report: ErrorReporter;
  /** Makes the functions of a campaign that say what its viewer was shown and did. */
  readonly tracking: (campaign: () => Campaign) => Pick<Campaign, 'expose' | 'track'>;
  /** The store of the campaign with that id. */
  readonly open: (campaignId: string) => CampaignStore;
  /** The id on an earlier visit, if that is known. */
  readonly lastSeenId: () => Promise<string | undefined>;
}

/**
 * The handle of the server's default campaign, before and after its id is known. The id is asked for when it is first
 * needed; then everything goes to that campaign's one store, so that whoever names the id shares the stream with
 * whoever does not.
 */
export function createDefaultCampaign(options: DefaultCampaignOptions): Campaign {
  const { connection, clock, report, open, lastSeenId } = options;
  let store: CampaignStore | undefined;
  let error: CampaignError | undefined;
  let snapshot = UNKNOWN_CAMPAIGN;
  let resolving: Promise<CampaignStore> | undefined;
  let attempt = 0;
  let cancelRetry = () => {};
  /** Listeners, each with how to unsubscribe it from the store. */
  const listeners = new Map<() => void, () => void>();
  /** Edits that were made before the store was there, in order. */
  const earlyEdits: { make: (opened: CampaignStore) => void; open: OpenChange }[] = [];

  function resolve(): Promise<CampaignStore> {
    if (resolving) return resolving;
    cancelRetry();
    const stopListening = connection.state.subscribe(showFailure);
    resolving = ask().then(settleOn, (thrown: unknown) => {
      error = toCampaignError(thrown);
      attempt += 1;
      snapshot = { ...UNKNOWN_CAMPAIGN, status: 'error', error };
      resolving = undefined;
      for (const { open: waiting } of earlyEdits.splice(0)) waiting.fail(error);
      retryLater();
      publish();
      throw error;
    });
    resolving.finally(stopListening).catch(() => undefined);
    return resolving;
  }

  /** While the server cannot be reached, the snapshot says why. */
  function showFailure(): void {
    if (store) return;
    snapshot = { ...snapshot, ...failureOf(connection.state.getSnapshot(), NO_FAILURE) };
    publish();
  }

  /** The default campaign is that one; if it was assumed to be another, all listeners move. */
  function settleOn(campaignId: string): CampaignStore {
    const opened = open(campaignId);
    if (opened === store) return opened;
    store = opened;
    for (const { make } of earlyEdits.splice(0)) make(opened);
    for (const [listener, leave] of listeners) {
      listeners.set(listener, opened.campaign.subscribe(listener));
      leave();
    }
    publish();
    return opened;
  }

  // Until the server can be asked, it is assumed to be the one of the earlier visit.
  void lastSeenId().then((campaignId) => {
    if (campaignId !== undefined && !store) settleOn(campaignId);
  });

  async function ask(): Promise<string> {
    const { defaultCampaignId } = await callUntilAnswered(connection, clock, () => connection.trpc.system.info.query());
    if (defaultCampaignId !== undefined) return defaultCampaignId;
    throw noDefaultCampaign();
  }

  /** Calls the campaign, once it is known, within the time that is given for both. */
  function whenKnown<T>(call: (campaign: Campaign) => Promise<T>, options: WaitOptions): Promise<T> {
    const causeOf = () => connection.state.getSnapshot().error;
    return bounded(async () => call((await resolve()).campaign), options, clock, causeOf);
  }

  /** With other rights, or in a while, there may be one. */
  function retryLater(): void {
    if (error?.reason === 'UNAUTHORIZED') connection.unauthorized(error);
    const again = () => {
      cancelRetry();
      if (listeners.size > 0) resolve().catch(() => undefined);
    };
    const stopWaiting = connection.onRenewed(again);
    const cancelTimer =
      error?.reason === 'NOT_FOUND' ? clock.after(refusedDelay(attempt - 1, clock.random()), again) : () => {};
    cancelRetry = () => {
      stopWaiting();
      cancelTimer();
    };
  }

  function publish(): void {
    notifyAll(listeners.keys(), report);
  }

  const edits = editFunctions((command, options) => {
    const mutationId = clock.id();
    if (store) return store.edit(mutationId, command, options);
    const waiting = openChange(mutationId);
    earlyEdits.push({ make: (opened) => opened.edit(mutationId, command, options, waiting), open: waiting });
    resolve().catch(() => undefined);
    return waiting.change;
  });

  const campaign: Campaign = {
    subscribe(listener) {
      const entry = () => listener();
      listeners.set(entry, store ? store.campaign.subscribe(entry) : () => undefined);
      resolve().catch(() => undefined);
      return () => {
        listeners.get(entry)?.();
        listeners.delete(entry);
      };
    },
    getSnapshot: () => (store ? store.campaign.getSnapshot() : snapshot),
    getInitialSnapshot: () => UNKNOWN_CAMPAIGN,
    ...edits,
    ...options.tracking(() => campaign),
    lock: (path, options = {}) => whenKnown((campaign) => campaign.lock(path, options), options),
    rollback: (toVersion, options = {}) => whenKnown((campaign) => campaign.rollback(toVersion, options), options),
    whenDurable: (position, options = {}) => whenKnown((campaign) => campaign.whenDurable(position, options), options),
    pacedUpdate(updates, pace) {
      if (store) return store.campaign.pacedUpdate(updates, pace);
      return edits.update(updates, pace.onConflict && { onConflict: pace.onConflict });
    },
    flush: () => store?.campaign.flush(),
    undo: () => store?.campaign.undo(),
    redo: () => store?.campaign.redo(),
    resolveConflict: (mutationId, choice) => store?.campaign.resolveConflict(mutationId, choice),
    retry() {
      if (store) return store.campaign.retry();
      if (connection.state.getSnapshot().status === 'closed') return;
      error = undefined;
      snapshot = UNKNOWN_CAMPAIGN;
      publish();
      resolve().catch(() => undefined);
    },
    dismiss: (mutationId) => store?.campaign.dismiss(mutationId),
  };
  return campaign;
}
