import type { Clock } from '../clock.ts';
import type { StoredMutation } from '../sync/pending.ts';
import { indexedDbStorage, webLocks } from './browser-storage.ts';
import {
  createOutboxPersistence,
  type OutboxPersistence,
  type OutboxPersistenceOptions,
} from './outbox-persistence.ts';
import { createSnapshotCache, type SnapshotCache } from './snapshot-cache.ts';

/** What the device's outbox tells the client. */
export type OutboxCallbacks = Pick<OutboxPersistenceOptions, 'importStored' | 'onChange'>;

/** The storage of one client that outlives the page. */
export interface Device {
  readonly outbox: OutboxPersistence;
  readonly snapshots: SnapshotCache;
}

/**
 * The device of a browser: what is unsaved and what was seen, in IndexedDB.
 *
 * @param address names the server and the user, whose data are kept apart from those of others
 */
export function openBrowserDevice(address: string, clock: Clock, callbacks: OutboxCallbacks): Device {
  const scope = encodeURIComponent(address);
  const storage = indexedDbStorage<readonly StoredMutation[]>('campaign-state-outbox');
  return {
    outbox: createOutboxPersistence({ scope, storage, locks: webLocks(), clock, ...callbacks }),
    snapshots: createSnapshotCache({ scope, storage: indexedDbStorage('campaign-state-seen'), clock }),
  };
}
