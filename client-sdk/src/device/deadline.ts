import type { Clock } from '../clock.ts';
import type { DeviceStorage } from './device-storage.ts';

/**
 * How long the device may take for one operation, in milliseconds. IndexedDB can hang without an error: while another
 * tab upgrades the database, or after the browser has lost its own process for it.
 */
export const DEVICE_TIMEOUT_MS = 5_000;

/** The promise, rejected if it has not settled in time. */
export function withDeadline<T>(clock: Clock, promise: Promise<T>, onTimeout?: () => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(DEVICE_TIMEOUT_MS, () => {
      onTimeout?.();
      reject(new Error(`The device did not answer within ${DEVICE_TIMEOUT_MS} ms`));
    });
    promise.then(resolve, reject).finally(cancel);
  });
}

/** The storage with a deadline on every operation; after one that was missed, the storage is opened anew. */
export function storageWithDeadlines<T>(storage: DeviceStorage<T>, clock: Clock): DeviceStorage<T> {
  const limited = <R>(operation: Promise<R>) => withDeadline(clock, operation, storage.reopen);
  return {
    entries: () => limited(storage.entries()),
    set: (key, value) => limited(storage.set(key, value)),
    remove: (key) => limited(storage.remove(key)),
  };
}
