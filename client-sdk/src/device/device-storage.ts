import type { Mutation } from '../../../server/core/commands/command.ts';

/** A mutation as it waits on the device, beyond the life of a page. */
export interface StoredMutation {
  readonly mutation: Mutation;
  /** Epoch milliseconds. */
  readonly madeAt: number;
}

/** What a device keeps, by key. IndexedDB in browsers; anything that lasts will do. */
export interface DeviceStorage<T> {
  readonly entries: () => Promise<readonly (readonly [key: string, value: T])[]>;
  readonly set: (key: string, value: T) => Promise<void>;
  readonly remove: (key: string) => Promise<void>;
}

/** Where unsaved mutations are kept. */
export type OutboxStorage = DeviceStorage<readonly StoredMutation[]>;

/** The part of `navigator.locks` that is used. */
export interface Locks {
  /** Runs `held` once nobody else has that lock, and keeps it until the promise settles. */
  readonly request: (name: string, held: () => Promise<void>) => Promise<void>;
  /** The same, if nobody has it now; else nothing. */
  readonly requestIfFree: (name: string, held: () => Promise<void>) => Promise<void>;
}
