import type { Clock } from '../clock.ts';
import { withDeadline } from './deadline.ts';
import type { DeviceStorage } from './device-storage.ts';

/** The storage with a deadline on every operation; after one that was missed, the storage is opened anew. */
export function storageWithDeadlines<T>(storage: DeviceStorage<T>, clock: Clock): DeviceStorage<T> {
  const limited = <R>(operation: Promise<R>) => withDeadline(clock, operation, storage.reopen);
  return {
    entries: () => limited(storage.entries()),
    set: (key, value) => limited(storage.set(key, value)),
    remove: (key) => limited(storage.remove(key)),
  };
}
