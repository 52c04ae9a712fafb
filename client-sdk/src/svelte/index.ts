import { watchSelection } from '../selection.ts';
import type { Campaign, CampaignClient, CampaignSnapshot, ConnectionState } from '../types.ts';

/** A store as Svelte reads it with `$`: it calls back with the present value at once, and with every later one. */
export interface SvelteStore<T> {
  readonly subscribe: (run: (value: T) => void) => () => void;
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
  select: (snapshot: CampaignSnapshot) => unknown = (snapshot) => snapshot,
  isEqual?: (a: unknown, b: unknown) => boolean,
): SvelteStore<unknown> {
  return { subscribe: (run) => watchSelection(campaign, select, run, isEqual) };
}

/**
 * The connection as a Svelte store.
 *
 * @example const connection = connectionStore(client); // {$connection.status}
 */
export function connectionStore({ connection }: Pick<CampaignClient, 'connection'>): SvelteStore<ConnectionState> {
  return { subscribe: (run) => watchSelection(connection, (state) => state, run) };
}
