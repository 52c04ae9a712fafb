import {
  foldPresence,
  memberOf,
  type PresenceEntry,
  type PresenceEvent,
} from '../../../server/core/presence/presence.ts';
import type { OwnPresence } from '../presence/presence-store.ts';

/** A page that is at the campaign. */
export interface MemoryPage {
  readonly set: (own: OwnPresence) => void;
  readonly leave: () => void;
}

/** Who is at the campaign in memory. */
export interface MemoryPresence {
  /** Somebody comes; `onEvent` is called with everything, now and after every change. */
  readonly enter: (id: string, onEvent?: (event: PresenceEvent) => void) => MemoryPage;
}

export function createMemoryPresence(now: () => number, viewers: () => number): MemoryPresence {
  const pages = new Map<object, { entry: PresenceEntry; readonly onEvent: (event: PresenceEvent) => void }>();

  function publish(): void {
    const members = [...foldPresence([...pages.values()].map(({ entry }) => entry)).values()].map(memberOf);
    for (const { onEvent } of pages.values()) onEvent({ type: 'all', members, more: 0, viewers: viewers() });
  }

  return {
    enter(id, onEvent = () => undefined) {
      const page = { entry: { id, tabs: 1, since: now(), movedAt: now() }, onEvent };
      const key = {};
      pages.set(key, page);
      publish();
      return {
        set({ focus, data }) {
          const { id: who, since } = page.entry;
          pages.set(key, {
            ...page,
            entry: { id: who, tabs: 1, since, movedAt: now(), ...(focus && { focus }), ...(data && { data }) },
          });
          publish();
        },
        leave() {
          if (pages.delete(key)) publish();
        },
      };
    },
  };
}
