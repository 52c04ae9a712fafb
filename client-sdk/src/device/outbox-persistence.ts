import type { Clock } from '../clock.ts';
import type { StoredMutation } from '../sync/pending.ts';
import type { Locks, OutboxStorage } from './device-storage.ts';

/** How often the leading tab looks for the edits of closed tabs, in milliseconds. */
const TAKE_OVER_EVERY_MS = 15_000;

export interface OutboxPersistenceOptions {
  /** The owner: server and, where several people use one browser, user. */
  readonly scope: string;
  readonly storage: OutboxStorage;
  readonly locks: Locks;
  readonly clock: Clock;
  /** Takes over the edits of a closed tab. */
  readonly importStored: (campaignId: string, mutations: readonly StoredMutation[]) => void;
}

/** The outbox on the device: unsaved edits outlive the page there. */
export interface OutboxPersistence {
  /** Keeps what is unsaved of a campaign; to be called whenever that has changed. */
  readonly save: (campaignId: string, mutations: readonly StoredMutation[]) => void;
  readonly close: () => void;
  /** Closes, and removes all of this owner's edits, other tabs' too. */
  readonly clear: () => Promise<void>;
}

/**
 * Ownership by lock, takeover by a leader. Every tab writes its own mutations under its own name, and holds a lock of
 * that name for as long as it is open; so each tab alone decides the order of its edits. One tab is the leader: it takes
 * over what is stored under names that are not locked any more, and sends it. If two tabs do so while the leader
 * changes, nothing is lost, for the server applies each mutation id once.
 */
export function createOutboxPersistence({
  scope,
  storage,
  locks,
  clock,
  importStored,
}: OutboxPersistenceOptions): OutboxPersistence {
  const tab = clock.id();
  let closed = false;
  let end = () => {};
  let cancelTimer = () => {};
  const ended = new Promise<void>((resolve) => (end = resolve));
  /** Writes follow one another; of those that wait, the newest of each key is enough. */
  const unwritten = new Map<string, readonly StoredMutation[]>();
  let writing: Promise<void> = Promise.resolve();
  const written = new Map<string, readonly StoredMutation[]>();

  const keyOf = (owner: string, campaignId: string) => `${scope}/${owner}/${campaignId}`;
  const lockOf = (owner: string) => `campaign-state/${scope}/${owner}`;

  function save(campaignId: string, mutations: readonly StoredMutation[]): void {
    const key = keyOf(tab, campaignId);
    if (closed || areSame(written.get(key) ?? [], mutations)) return;
    written.set(key, mutations);
    unwritten.set(
      key,
      mutations.map(({ mutation, madeAt }) => ({ mutation, madeAt })),
    );
    writing = writing.then(write).catch(warn);
  }

  async function write(): Promise<void> {
    for (const [key, mutations] of unwritten) {
      unwritten.delete(key);
      await (mutations.length > 0 ? storage.set(key, mutations) : storage.remove(key));
    }
  }

  /** Takes over everything that belongs to no open tab. */
  async function takeOver(): Promise<void> {
    for (const [key, mutations] of await storage.entries()) {
      const [owner, campaignId] = key.startsWith(`${scope}/`) ? key.slice(scope.length + 1).split('/') : [];
      if (owner === undefined || campaignId === undefined || owner === tab) continue;
      await locks.requestIfFree(lockOf(owner), async () => {
        importStored(campaignId, mutations);
        // They are stored under our name before they are removed under the other.
        await writing;
        await storage.remove(key);
      });
    }
  }

  async function lead(): Promise<void> {
    while (!closed) {
      await takeOver().catch(warn);
      await Promise.race([
        ended,
        new Promise<void>((resolve) => (cancelTimer = clock.after(TAKE_OVER_EVERY_MS, resolve))),
      ]);
    }
  }

  locks.request(lockOf(tab), () => ended).catch(warn);
  locks.request(lockOf('leader'), lead).catch(warn);

  function close(): void {
    closed = true;
    cancelTimer();
    end();
  }

  return {
    save,
    close,
    async clear() {
      close();
      unwritten.clear();
      await writing;
      const keys = (await storage.entries()).map(([key]) => key).filter((key) => key.startsWith(`${scope}/`));
      await Promise.all(keys.map((key) => storage.remove(key)));
    },
  };
}

/** Whether these are the same mutations: a change of their delivery alone need not be written. */
function areSame(before: readonly StoredMutation[], after: readonly StoredMutation[]): boolean {
  return before.length === after.length && before.every(({ mutation }, index) => mutation === after[index]?.mutation);
}

/** The device refuses (a full disk, a private window): edits go on in memory, and the console says so. */
function warn(cause: unknown): void {
  console.warn('campaign-state: unsaved changes cannot be kept on this device', cause);
}
