import type { Clock } from '../clock.ts';
import type { Locks, OutboxStorage, StoredMutation } from './device-storage.ts';

/** How often the leading tab looks for what a tab has left behind, in milliseconds. */
const LOOK_EVERY_MS = 15_000;

export interface OutboxPersistenceOptions {
  /** Whose outbox it is: server and, where several people use one browser, user. */
  readonly scope: string;
  readonly storage: OutboxStorage;
  readonly locks: Locks;
  readonly clock: Clock;
  /** Takes over what a tab has left behind. */
  readonly adopt: (campaignId: string, mutations: readonly StoredMutation[]) => void;
}

/** Keeps what is unsaved on the device, so that it outlives the page. */
export interface OutboxPersistence {
  /** What is unsaved of a campaign, whenever it has changed. */
  readonly save: (campaignId: string, mutations: readonly StoredMutation[]) => void;
  readonly close: () => void;
  /** Removes all of it, other tabs' too, for good. */
  readonly clear: () => Promise<void>;
}

/**
 * Every tab writes its own mutations under its own name, and holds a lock of that name for as long as it lives; so the
 * order within a tab is the tab's affair alone. One tab leads: it takes over what stands under names that nobody holds
 * any more, and sends it. That two tabs could do so at the turn of a lead costs nothing, for the server applies each
 * mutation id once.
 */
export function createOutboxPersistence({
  scope,
  storage,
  locks,
  clock,
  adopt,
}: OutboxPersistenceOptions): OutboxPersistence {
  const tab = clock.id();
  let closed = false;
  let end = () => {};
  let cancelLook = () => {};
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

  /** Takes over everything that belongs to no living tab. */
  async function look(): Promise<void> {
    for (const [key, mutations] of await storage.entries()) {
      const [owner, campaignId] = key.startsWith(`${scope}/`) ? key.slice(scope.length + 1).split('/') : [];
      if (owner === undefined || campaignId === undefined || owner === tab) continue;
      await locks.requestIfFree(lockOf(owner), async () => {
        adopt(campaignId, mutations);
        // They stand under our name before they no longer stand under the other.
        await writing;
        await storage.remove(key);
      });
    }
  }

  async function lead(): Promise<void> {
    while (!closed) {
      await look().catch(warn);
      await Promise.race([ended, new Promise<void>((resolve) => (cancelLook = clock.after(LOOK_EVERY_MS, resolve)))]);
    }
  }

  locks.request(lockOf(tab), () => ended).catch(warn);
  locks.request(lockOf('leader'), lead).catch(warn);

  function close(): void {
    closed = true;
    cancelLook();
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

/** Whether these are the same mutations: what only their delivery has changed need not be written. */
function areSame(before: readonly StoredMutation[], after: readonly StoredMutation[]): boolean {
  return before.length === after.length && before.every(({ mutation }, index) => mutation === after[index]?.mutation);
}

/** The device refuses (a full disk, a private window): edits go on in memory, and whoever debugs it is told. */
function warn(cause: unknown): void {
  console.warn('campaign-state: unsaved changes cannot be kept on this device', cause);
}
