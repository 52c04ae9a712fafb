import type { CampaignStore } from '../campaign/campaign-store.ts';
import type { Campaign } from '../types.ts';

/** Campaigns that are kept when nobody needs them any more: whoever comes back to one finds it as it was. */
const MAX_RELEASED = 20;

/** The campaigns of one client that have been opened. */
export interface OpenCampaigns {
  /** The campaign's store, as long as it is needed, kept, or its handle held by anyone. */
  readonly find: (campaignId: string) => CampaignStore | undefined;
  /** It is new, or needed again. */
  readonly retain: (store: CampaignStore) => void;
  /** Nobody needs it any more. */
  readonly release: (store: CampaignStore) => void;
  readonly all: () => readonly CampaignStore[];
}

/**
 * Holds what is needed, and the newest of what is not; the rest is left to the garbage collector, unless the app holds
 * a handle: that one is the campaign's for ever, so that there are never two. A campaign with something to be told or
 * taken back (a refusal, a conflict, an undo) is kept.
 */
export function createOpenCampaigns(): OpenCampaigns {
  const kept = new Map<string, CampaignStore>();
  /** The newest last. */
  const released = new Set<string>();
  const handles = new Map<string, Pick<WeakRef<Campaign>, 'deref'>>();
  const storeOf = new WeakMap<Campaign, CampaignStore>();
  // Older Hermes has none; there, what was opened once stays.
  const collected =
    typeof FinalizationRegistry === 'function'
      ? new FinalizationRegistry<string>((campaignId) => {
          if (handles.get(campaignId)?.deref() === undefined) handles.delete(campaignId);
        })
      : undefined;

  function find(campaignId: string): CampaignStore | undefined {
    const handle = handles.get(campaignId)?.deref();
    return handle && storeOf.get(handle);
  }

  return {
    find,
    retain(store) {
      const { campaignId, campaign } = store;
      released.delete(campaignId);
      kept.set(campaignId, store);
      if (storeOf.has(campaign)) return;
      storeOf.set(campaign, store);
      handles.set(campaignId, collected ? new WeakRef(campaign) : { deref: () => campaign });
      collected?.register(campaign, campaignId);
    },
    release({ campaignId, isSettled }) {
      if (!isSettled()) return;
      released.delete(campaignId);
      released.add(campaignId);
      const [oldest] = released;
      if (released.size <= MAX_RELEASED || oldest === undefined) return;
      released.delete(oldest);
      kept.delete(oldest);
    },
    all: () => [...handles.keys()].flatMap((campaignId) => find(campaignId) ?? []),
  };
}
