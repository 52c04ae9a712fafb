import { useSyncExternalStore } from 'react';

const PARAMETER = 'campaign';
const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  addEventListener('popstate', listener);
  return () => {
    listeners.delete(listener);
    removeEventListener('popstate', listener);
  };
}

function read(): string | undefined {
  return new URLSearchParams(location.search).get(PARAMETER) ?? undefined;
}

function select(campaignId: string): void {
  if (campaignId === read()) return;
  const url = new URL(location.href);
  url.searchParams.set(PARAMETER, campaignId);
  history.pushState(undefined, '', url);
  listeners.forEach((listener) => listener());
}

/** The campaign that the address names (none: the server's default one), and how to go to another. */
export function useSelectedCampaign(): [string | undefined, (campaignId: string) => void] {
  return [useSyncExternalStore(subscribe, read), select];
}
