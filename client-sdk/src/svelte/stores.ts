import type { FeatureName } from '../document.ts';
import { watchSelection } from '../selection.ts';
import type { Campaign, CampaignClient, CampaignSnapshot, ConnectionState, Readable } from '../types.ts';
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

/** A store as Svelte reads it with `$`: it calls back with the present value at once, and with every later one. */
export interface SvelteStore<T> {
  readonly subscribe: (run: (value: T) => void) => () => void;
}

/**
 * A selection of any store. Whoever has left again within the same turn, such as a page that is rendered on a server,
 * has opened no stream.
 */
export function storeOf<S, T>(
  store: Readable<S>,
  select: (snapshot: S) => T,
  isEqual: (a: T, b: T) => boolean = Object.is,
): SvelteStore<T> {
  return {
    subscribe(run) {
      let shown = select(store.getSnapshot());
      let stop = () => {};
      let isLeft = false;
      function show(next: T): void {
        if (isEqual(shown, next)) return;
        shown = next;
        run(next);
      }
      run(shown);
      queueMicrotask(() => {
        if (!isLeft) stop = watchSelection(store, select, show, isEqual);
      });
      return () => {
        isLeft = true;
        stop();
      };
    },
  };
}

/**
 * Any store of the client as a Svelte store: `campaignPresence`, `lockHandle`, `campaignHistory`, `campaignAccess`.
 *
 * @example const presence = readableStore(campaignPresence(client, 'spring')); // {$presence.viewers}
 */
export function readableStore<T>(store: Readable<T>): SvelteStore<T> {
  return storeOf(store, itself);
}

/**
 * A campaign as a Svelte store: `$campaign.state.title` in a component. The stream is open while anything subscribes.
 *
 * With runes, `fromStore` of `svelte/store` makes a reactive value of it.
 *
 * @param select a part of the snapshot; the store changes only when that part does. Default: the whole snapshot
 * @param isEqual when two selections count as the same; default `Object.is`
 * @example
 * const title = campaignStore(client.campaign('spring'), ({ state }) => state.title); // {$title}
 * const current = fromStore(title);                                                   // {current.current}
 */
export function campaignStore(campaign: Campaign): SvelteStore<CampaignSnapshot>;
export function campaignStore<T>(
  campaign: Campaign,
  select: (snapshot: CampaignSnapshot) => T,
  isEqual?: (a: T, b: T) => boolean,
): SvelteStore<T>;
export function campaignStore(
  campaign: Campaign,
  select: (snapshot: CampaignSnapshot) => unknown = itself,
  isEqual?: (a: unknown, b: unknown) => boolean,
): SvelteStore<unknown> {
  return storeOf(campaign, select, isEqual);
}

/**
 * The connection as a Svelte store.
 *
 * @example const connection = connectionStore(client); // {$connection.status}
 */
export function connectionStore({ connection }: Pick<CampaignClient, 'connection'>): SvelteStore<ConnectionState> {
  return { subscribe: (run) => watchSelection(connection, itself, run) };
}

/**
 * The state of this client's own edits. `state` is `saved` only once all of them are committed in Postgres.
 *
 * @example const sync = syncStore(campaign); // {$sync.pendingCount}, $sync.dismiss()
 */
export function syncStore(campaign: Campaign): SvelteStore<SyncView> {
  return storeOf(campaign, syncOf(campaign), shallowEqual);
}

/**
 * Undo and redo of this client's own edits. What others have changed since stays as it is.
 *
 * @example const history = undoStore(campaign); // <button disabled={!$history.canUndo} onclick={$history.undo}>
 */
export function undoStore(campaign: Campaign): SvelteStore<UndoView> {
  return storeOf(campaign, undoOf(campaign), shallowEqual);
}

/**
 * The conflicts of this client's edits with those of others, and how to resolve them.
 *
 * @example const found = conflictsStore(campaign); // {#each $found.conflicts as { path, theirs, mine }}
 */
export function conflictsStore(campaign: Campaign): SvelteStore<ConflictsView> {
  return storeOf(campaign, conflictsOf(campaign), shallowEqual);
}

/**
 * Whether a feature is on.
 *
 * @param defaultValue before the first snapshot; default false
 * @example const leaderboard = featureStore(campaign, 'leaderboard'); // {#if $leaderboard}
 */
export function featureStore(campaign: Campaign, name: FeatureName, defaultValue?: boolean): SvelteStore<boolean> {
  return storeOf(campaign, featureOf(name, defaultValue));
}

/**
 * The state of a service as one object: document, connection and pending edits.
 *
 * @example const service = serviceStore(client, campaign); // {$service.status}
 */
export function serviceStore(
  client: Pick<CampaignClient, 'connection'>,
  campaign: Campaign,
): SvelteStore<ServiceState> {
  return storeOf(serviceState(client, campaign), itself, shallowEqual);
}

function itself<T>(snapshot: T): T {
  return snapshot;
}
