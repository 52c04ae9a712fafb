import type { Clock } from '../clock.ts';
import { indexedDbStorage, tabChannel, webLocks } from './browser-storage.ts';
import { createDevice, type Device, type DeviceCallbacks } from './device.ts';

/**
 * The device of a browser: what is unsaved and what was seen, in IndexedDB.
 *
 * @param address names the server and the user, whose data are kept apart from those of others
 */
export function openBrowserDevice(address: string, clock: Clock, callbacks: DeviceCallbacks): Device {
  const scope = encodeURIComponent(address);
  return createDevice({
    scope,
    unsaved: indexedDbStorage('campaign-state-outbox'),
    seen: indexedDbStorage('campaign-state-seen'),
    locks: webLocks(),
    tabs: tabChannel(`campaign-state/${scope}`),
    clock,
    ...callbacks,
  });
}
