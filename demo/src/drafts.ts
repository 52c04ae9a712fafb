import { useSyncExternalStore } from 'react';

/** A draft by campaign and name, and how to replace it; `undefined` drops it. */
export type UseDraft<T> = (
  campaignId: string,
  name: string,
) => [draft: T | undefined, replace: (draft: T | undefined) => void];

/**
 * Drafts outlive the panel in which they are written, and the campaign that is open: whoever looks something up
 * elsewhere finds them again. Before the page goes with them, the browser asks.
 */
export function createDrafts<T>(): UseDraft<T> {
  const drafts = new Map<string, T>();
  const listeners = new Set<() => void>();
  const ask = (event: BeforeUnloadEvent) => event.preventDefault();

  function subscribe(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  return function useDraft(campaignId, name) {
    const key = `${campaignId}/${name}`;
    const draft = useSyncExternalStore(subscribe, () => drafts.get(key));
    return [
      draft,
      (next) => {
        if (next) drafts.set(key, next);
        else drafts.delete(key);
        if (drafts.size > 0) addEventListener('beforeunload', ask);
        else removeEventListener('beforeunload', ask);
        listeners.forEach((call) => call());
      },
    ];
  };
}
