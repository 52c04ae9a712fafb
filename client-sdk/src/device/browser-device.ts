import type { Device, OutboxCallbacks } from '../client.ts';
import type { Clock } from '../clock.ts';
import type { StoredMutation } from '../sync/pending.ts';
import { indexedDbStorage, webLocks } from './browser-storage.ts';
import { createOutboxPersistence } from './outbox-persistence.ts';
import { createSnapshotCache } from './snapshot-cache.ts';

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
