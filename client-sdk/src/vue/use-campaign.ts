import { computed, type ShallowRef } from 'vue';
import type { FeatureName } from '../document.ts';
import type { Campaign, CampaignSnapshot, ConnectionState, Readable } from '../types.ts';
import {
  conflictsOf,
  featureOf,
  syncOf,
  undoOf,
  type ConflictsView,
  type SyncView,
  type UndoView,
} from '../views/campaign-views.ts';
import { serviceState, type ServiceState } from '../views/service-state.ts';
import { shallowEqual } from '../views/shallow-equal.ts';
import { useCampaignClient, useCampaignHandle, type UseCampaignOptions } from './client.ts';
import { follow, itself } from './follow.ts';

/** Options of {@link useCampaign}. */
export interface SelectOptions<T> extends UseCampaignOptions {
  /** When two selections count as the same. Default `Object.is`; `shallowEqual` for one that makes a new object. */
  readonly isEqual?: (a: T, b: T) => boolean;
}

/**
 * A selection of a campaign's snapshot, live. What reads it is rendered only when it changes.
 *
 * @param select default: the whole snapshot
 * @example const title = useCampaign(({ state }) => state.title); // title.value
 */
export function useCampaign(): Readonly<ShallowRef<CampaignSnapshot>>;
export function useCampaign<T>(
  select: (snapshot: CampaignSnapshot) => T,
  options?: SelectOptions<T>,
): Readonly<ShallowRef<T>>;
export function useCampaign(
  select: (snapshot: CampaignSnapshot) => unknown = itself,
  options: SelectOptions<unknown> = {},
): Readonly<ShallowRef<unknown>> {
  const campaign = useCampaignHandle(options);
  return follow(() => campaign.value, select, options);
}

/**
 * Any store of the client, live: `campaignPresence`, `lockHandle`, `campaignHistory`, `campaignAccess`.
 *
 * @param store the store, or a getter where it may be another one from time to time
 * @example const presence = useReadable(() => campaignPresence(client, id.value)); // presence.value.members
 */
export function useReadable<T>(store: Readable<T> | (() => Readable<T>)): Readonly<ShallowRef<T>> {
  return follow(typeof store === 'function' ? store : () => store, itself);
}

/**
 * The state of the connection to the server.
 *
 * @example const connection = useConnection(); // connection.value.status
 */
export function useConnection(): Readonly<ShallowRef<ConnectionState>> {
  return useReadable(useCampaignClient().connection);
}

/** A view of the campaign that is provided, or named: `viewOf` makes its selector, once for each campaign. */
function useView<T extends object>(
  viewOf: (campaign: Campaign) => (snapshot: CampaignSnapshot) => T,
  options: UseCampaignOptions = {},
): Readonly<ShallowRef<T>> {
  const campaign = useCampaignHandle(options);
  const select = computed(() => viewOf(campaign.value));
  return follow(
    () => campaign.value,
    (snapshot) => select.value(snapshot),
    { ...options, isEqual: shallowEqual },
  );
}

/**
 * The state of this client's own edits. `state` is `saved` only once all of them are committed in Postgres.
 *
 * @example const sync = useSyncStatus(); // sync.value.pendingCount, sync.value.dismiss()
 */
export function useSyncStatus(options?: UseCampaignOptions): Readonly<ShallowRef<SyncView>> {
  return useView(syncOf, options);
}

/**
 * Undo and redo of this client's own edits. What others have changed since stays as it is.
 *
 * @example const history = useUndo(); // history.value.canUndo, history.value.undo()
 */
export function useUndo(options?: UseCampaignOptions): Readonly<ShallowRef<UndoView>> {
  return useView(undoOf, options);
}

/**
 * The conflicts of this client's edits with those of others, and how to resolve them.
 *
 * @example const found = useConflicts(); // found.value.resolve(found.value.conflicts[0].mutationId, 'mine')
 */
export function useConflicts(options?: UseCampaignOptions): Readonly<ShallowRef<ConflictsView>> {
  return useView(conflictsOf, options);
}

/**
 * Whether a feature is on; `defaultValue` (default false) before the first snapshot.
 *
 * @example const showLeaderboard = useFeature('leaderboard');
 */
export function useFeature(
  name: FeatureName,
  { defaultValue, ...options }: UseCampaignOptions & { readonly defaultValue?: boolean } = {},
): Readonly<ShallowRef<boolean>> {
  return useCampaign(featureOf(name, defaultValue), options);
}

/**
 * The state of a service as one object: document, connection and pending edits. `campaign` is the only service.
 *
 * @example const service = useServiceState('campaign'); // service.value.status
 */
export function useServiceState(
  _service: 'campaign',
  options: UseCampaignOptions = {},
): Readonly<ShallowRef<ServiceState>> {
  const [client, campaign] = [useCampaignClient(), useCampaignHandle(options)];
  return follow(() => serviceState(client, campaign.value), itself, { ...options, isEqual: shallowEqual });
}
