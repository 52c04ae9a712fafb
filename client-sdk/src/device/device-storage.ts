import type { StoredMutation } from '../sync/pending.ts';

/** A key-value storage on the device. IndexedDB in browsers; anything that outlives the page will do. */
export interface DeviceStorage<T> {
  readonly entries: () => Promise<readonly (readonly [key: string, value: T])[]>;
  readonly set: (key: string, value: T) => Promise<void>;
  readonly remove: (key: string) => Promise<void>;
  /** Gives up the connection to the storage, which has stopped answering; the next operation opens another. */
  readonly reopen?: () => void;
}

/** The storage of unsaved mutations. */
export type OutboxStorage = DeviceStorage<readonly StoredMutation[]>;

/** The part of Web Locks (`navigator.locks`) that is used. */
export interface Locks {
  /** Runs `held` once the lock is free, and keeps it until that promise settles. */
  readonly request: (name: string, held: () => Promise<void>) => Promise<void>;
  /** Runs `held` if the lock is free now; else does nothing. */
  readonly requestIfFree: (name: string, held: () => Promise<void>) => Promise<void>;
}

/** How the tabs of one user tell each other of a logout (`BroadcastChannel`). */
export interface TabChannel {
  /** Tells all other tabs. */
  readonly forget: () => void;
  readonly onForget: (callback: () => void) => void;
  readonly close: () => void;
}
