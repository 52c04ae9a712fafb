import { useSyncExternalStore } from 'react';

/** Where somebody is, as the address says it. What is missing is the first there is. */
export interface Place {
  readonly campaign?: string | undefined;
  /** A tab of the editor, in small letters. */
  readonly tab?: string | undefined;
  /** The version that the audience pane shows. */
  readonly version?: number | undefined;
  /** The section that is open as text. */
  readonly section?: string | undefined;
}

const listeners = new Set<() => void>();
let read: { readonly search: string; readonly place: Place } | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  addEventListener('popstate', listener);
  return () => {
    listeners.delete(listener);
    removeEventListener('popstate', listener);
  };
}

/** The same object as long as the address is the same. */
function current(): Place {
  const { search } = location;
  if (read?.search === search) return read.place;
  const parameters = new URLSearchParams(search);
  const text = (name: string) => parameters.get(name) || undefined;
  const version = Number(parameters.get('version'));
  const place: Place = {
    campaign: text('campaign'),
    tab: text('tab'),
    version: Number.isSafeInteger(version) && version > 0 ? version : undefined,
    section: text('section'),
  };
  read = { search, place };
  return place;
}

/** The address of another place, from here. */
export function addressOf(change: Place): string {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries(change)) {
    if (value === undefined) url.searchParams.delete(name);
    else url.searchParams.set(name, String(value));
  }
  return `${url.pathname}${url.search}`;
}

/**
 * Goes to another place; what is not named stays as it is.
 *
 * @param how whether the browser's back button leads here again
 */
export function go(change: Place, how: 'push' | 'replace' = 'push'): void {
  const address = addressOf(change);
  if (address === `${location.pathname}${location.search}`) return;
  if (how === 'push') history.pushState(undefined, '', address);
  else history.replaceState(undefined, '', address);
  listeners.forEach((listener) => listener());
}

/** Opens another campaign, at the same tab. */
export function openCampaign(campaignId: string): void {
  if (campaignId !== current().campaign) go({ campaign: campaignId, version: undefined, section: undefined });
}

export function usePlace(): Place {
  return useSyncExternalStore(subscribe, current);
}
