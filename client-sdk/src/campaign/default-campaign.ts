import type { CampaignStore } from './campaign-store.ts';
import { openChange, type OpenChange } from './change.ts';
import type { Clock } from '../clock.ts';
import type { Connection } from '../link/connection.ts';
import { callUntilAnswered } from '../link/direct-call.ts';
import { editors } from './commands.ts';
import { CampaignError, toCampaignError } from '../errors.ts';
import type { Campaign, CampaignSnapshot, Change } from '../types.ts';

export interface DefaultCampaignOptions {
  readonly connection: Connection;
  readonly clock: Clock;
  /** The store of a campaign, once its id is known. */
  readonly open: (campaignId: string) => CampaignStore;
  /** Which one it was on an earlier visit, if that is known. */
  readonly recall: () => Promise<string | undefined>;
}

/** Before the server has said which campaign it is. */
const UNKNOWN: CampaignSnapshot = Object.freeze({
  campaignId: undefined,
  status: 'pending',
  state: Object.freeze({}),
  isStale: false,
  position: undefined,
  version: 0,
  durableVersion: 0,
  archivedAt: undefined,
  recentEntries: Object.freeze([]),
  sync: Object.freeze({
    state: 'saved',
    pendingCount: 0,
    unsavedCount: 0,
    oldestPendingAt: undefined,
    rejected: Object.freeze([]),
  }),
  canUndo: false,
  canRedo: false,
  error: undefined,
});

/**
 * The server's default campaign, before and after its id is known. It is asked for when it is first needed; then
 * everything goes to that campaign's one store, so that whoever names the id shares the stream with whoever does not.
 */
export function createDefaultCampaign({ connection, clock, open, recall }: DefaultCampaignOptions): Campaign {
  let store: CampaignStore | undefined;
  let error: CampaignError | undefined;
  let snapshot = UNKNOWN;
  let resolving: Promise<CampaignStore> | undefined;
  /** Listeners, each with its way out of the store. */
  const listeners = new Map<() => void, () => void>();
  /** Edits that came before the store, in order. */
  const earlyEdits: { make: (opened: CampaignStore) => Change; open: OpenChange }[] = [];

  function resolve(): Promise<CampaignStore> {
    resolving ??= ask().then(settleOn, (thrown: unknown) => {
      error = toCampaignError(thrown);
      snapshot = { ...UNKNOWN, status: 'error', error };
      resolving = undefined;
      for (const { open: waiting } of earlyEdits.splice(0)) waiting.fail(error);
      waitForRights();
      tell();
      throw error;
    });
    return resolving;
  }

  /** It is that one; if it was thought to be another, everybody moves. */
  function settleOn(campaignId: string): CampaignStore {
    const opened = open(campaignId);
    if (opened === store) return opened;
    store = opened;
    for (const { make, open: waiting } of earlyEdits.splice(0)) forward(make(opened), waiting);
    for (const [listener, leave] of listeners) {
      listeners.set(listener, opened.campaign.subscribe(listener));
      leave();
    }
    tell();
    return opened;
  }

  // Until the server can be asked, it is the one that it was.
  void recall().then((campaignId) => {
    if (campaignId !== undefined && !store) settleOn(campaignId);
  });

  async function ask(): Promise<string> {
    const { defaultCampaignId } = await callUntilAnswered(connection, clock, () => connection.trpc.system.info.query());
    if (defaultCampaignId !== undefined) return defaultCampaignId;
    throw new CampaignError({ reason: 'NOT_FOUND', message: 'This server has no default campaign: name one' });
  }

  function waitForRights(): void {
    if (error?.reason === 'UNAUTHORIZED') connection.unauthorized(error);
    const stop = connection.onRenewed(() => {
      stop();
      if (listeners.size > 0) resolve().catch(() => undefined);
    });
  }

  function tell(): void {
    for (const listener of listeners.keys()) listener();
  }

  const edits = editors((build, options) => {
    const mutationId = clock.id();
    if (store) return store.edit(mutationId, build, options);
    const waiting = openChange(mutationId);
    earlyEdits.push({ make: (opened) => opened.edit(mutationId, build, options), open: waiting });
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
    getInitialSnapshot: () => UNKNOWN,
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

/** What becomes of the one becomes of the other. */
function forward(change: Change, { settle, fail }: OpenChange): void {
  const { mutationId } = change;
  change.then((receipt) => settle({ kind: 'accepted', mutationId, receipt }), fail);
  change.durable.then((receipt) => settle({ kind: 'durable', mutationId, receipt }), fail);
}
