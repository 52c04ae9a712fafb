import type { CampaignStore } from './campaign-store.ts';
import { openChange, type OpenChange } from './change.ts';
import type { Clock } from '../clock.ts';
import type { Connection } from '../link/connection.ts';
import { callUntilAnswered } from '../link/direct-call.ts';
import { editFunctions } from './commands.ts';
import { CampaignError, toCampaignError } from '../errors.ts';
import type { Campaign, Change } from '../types.ts';
import { UNKNOWN_CAMPAIGN } from './snapshot.ts';

export interface DefaultCampaignOptions {
  readonly connection: Connection;
  readonly clock: Clock;
  /** The store of the campaign with that id. */
  readonly open: (campaignId: string) => CampaignStore;
  /** The id on an earlier visit, if that is known. */
  readonly lastSeenId: () => Promise<string | undefined>;
}

/**
 * The handle of the server's default campaign, before and after its id is known. The id is asked for when it is first
 * needed; then everything goes to that campaign's one store, so that whoever names the id shares the stream with whoever
 * does not.
 */
export function createDefaultCampaign({ connection, clock, open, lastSeenId }: DefaultCampaignOptions): Campaign {
  let store: CampaignStore | undefined;
  let error: CampaignError | undefined;
  let snapshot = UNKNOWN_CAMPAIGN;
  let resolving: Promise<CampaignStore> | undefined;
  /** Listeners, each with how to unsubscribe it from the store. */
  const listeners = new Map<() => void, () => void>();
  /** Edits that were made before the store was there, in order. */
  const earlyEdits: { make: (opened: CampaignStore) => Change; open: OpenChange }[] = [];

  function resolve(): Promise<CampaignStore> {
    resolving ??= ask().then(settleOn, (thrown: unknown) => {
      error = toCampaignError(thrown);
      snapshot = { ...UNKNOWN_CAMPAIGN, status: 'error', error };
      resolving = undefined;
      for (const { open: waiting } of earlyEdits.splice(0)) waiting.fail(error);
      retryWhenRenewed();
      publish();
      throw error;
    });
    return resolving;
  }

  /** The default campaign is that one; if it was assumed to be another, all listeners move. */
  function settleOn(campaignId: string): CampaignStore {
    const opened = open(campaignId);
    if (opened === store) return opened;
    store = opened;
    for (const { make, open: waiting } of earlyEdits.splice(0)) forward(make(opened), waiting);
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
    throw new CampaignError({ reason: 'NOT_FOUND', message: 'This server has no default campaign: name one' });
  }

  function retryWhenRenewed(): void {
    if (error?.reason === 'UNAUTHORIZED') connection.unauthorized(error);
    const stop = connection.onRenewed(() => {
      stop();
      if (listeners.size > 0) resolve().catch(() => undefined);
    });
  }

  function publish(): void {
    for (const listener of listeners.keys()) listener();
  }

  const edits = editFunctions((command, options) => {
    const mutationId = clock.id();
    if (store) return store.edit(mutationId, command, options);
    const waiting = openChange(mutationId);
    earlyEdits.push({ make: (opened) => opened.edit(mutationId, command, options), open: waiting });
    resolve().catch(() => undefined);
    return waiting.change;
  });

  return {
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
    rollback: async (toVersion, options) => (await resolve()).campaign.rollback(toVersion, options),
    whenDurable: async (position) => (await resolve()).campaign.whenDurable(position),
    pacedUpdate: (updates, pace) => (store ? store.campaign.pacedUpdate(updates, pace) : edits.update(updates)),
    flush: () => store?.campaign.flush(),
    undo: () => store?.campaign.undo(),
    redo: () => store?.campaign.redo(),
    dismiss: (mutationId) => store?.campaign.dismiss(mutationId),
  };
}

/** Settles an open change as another change is settled. */
function forward(change: Change, { settle, fail }: OpenChange): void {
  const { mutationId } = change;
  change.then((receipt) => settle({ kind: 'accepted', mutationId, receipt }), fail);
  change.durable.then((receipt) => settle({ kind: 'durable', mutationId, receipt }), fail);
}
