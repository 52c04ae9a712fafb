import type { Clock } from '../clock.ts';
import { indexedDbStorage, tabChannel, webLocks } from './browser-storage.ts';
import { createDevice, type Device, type DeviceCallbacks } from './device.ts';
import type { DeviceStorage } from './device-storage.ts';
import { keyValueStorage, type KeyValueStorage } from './key-value-storage.ts';

/**
 * The device: what is unsaved and what was seen, in a browser's IndexedDB, or in the storage that the app has given.
 *
 * @param address names the server and the user, whose data are kept apart from those of others
 * @param given is not shared by several pages, and needs no locks
 */
export function openBrowserDevice(
  address: string,
  clock: Clock,
  callbacks: DeviceCallbacks,
  given?: KeyValueStorage,
): Device {
  const scope = encodeURIComponent(address);
  const storageOf = <T>(database: string): DeviceStorage<T> =>
    given ? keyValueStorage(given, database) : indexedDbStorage(database);
  return createDevice({
    scope,
    unsaved: storageOf('campaign-state-outbox'),
    seen: storageOf('campaign-state-seen'),
    locks: given ? undefined : webLocks(),
    tabs: given ? undefined : tabChannel(`campaign-state/${scope}`),
    clock,
    ...callbacks,
  });
}
