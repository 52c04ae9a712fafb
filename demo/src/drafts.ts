import { useSyncExternalStore } from 'react';

export type Replacement<T> = T | undefined | ((draft: T | undefined) => T | undefined);

/** Drafts of one kind, by campaign and name. */
export interface Drafts<T> {
  /** A draft, and how to replace it, perhaps by what it is by then; `undefined` drops it. */
  readonly useDraft: (
    campaignId: string,
    name: string,
  ) => [draft: T | undefined, replace: (draft: Replacement<T>) => void];
  /** The names of which a campaign has drafts. */
  readonly useNames: (campaignId: string) => readonly string[];
}

/**
 * Drafts outlive the panel in which they are written, and the campaign that is open: whoever looks something up
 * elsewhere finds them again. Before the page goes with them, the browser asks.
 */
export function createDrafts<T>(): Drafts<T> {
  const drafts = new Map<string, T>();
  const listeners = new Set<() => void>();
  const ask = (event: BeforeUnloadEvent) => event.preventDefault();

  function subscribe(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  return {
    useDraft(campaignId, name) {
      const key = `${campaignId}/${name}`;
      const draft = useSyncExternalStore(subscribe, () => drafts.get(key));
      return [
        draft,
        (given) => {
          const next = given instanceof Function ? given(drafts.get(key)) : given;
          if (next) drafts.set(key, next);
          else drafts.delete(key);
          if (drafts.size > 0) addEventListener('beforeunload', ask);
          else removeEventListener('beforeunload', ask);
          listeners.forEach((call) => call());
        },
      ];
    },
    useNames(campaignId) {
      const prefix = `${campaignId}/`;
      // One text, which is the same as long as the names are.
      const names = useSyncExternalStore(subscribe, () =>
        JSON.stringify([...drafts.keys()].filter((key) => key.startsWith(prefix))),
      );
      const keys: string[] = JSON.parse(names);
      return keys.map((key) => key.slice(prefix.length));
    },
  };
}
