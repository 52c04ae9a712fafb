import type { Mutation } from '../../../server/core/commands/command.ts';
import type { Clock } from '../clock.ts';
import { CONSOLE, type Logger } from '../logger.ts';
import { retryDelay } from '../link/backoff.ts';
import type { StoredMutation } from '../sync/pending.ts';
import { withDeadline } from './deadline.ts';
import type { Locks, OutboxStorage } from './device-storage.ts';
import { storageWithDeadlines } from './storage-deadlines.ts';

/** How often the leading tab looks for the edits of closed tabs, in milliseconds. */
const TAKE_OVER_EVERY_MS = 15_000;

export interface OutboxPersistenceOptions {
  /** The owner: server and, where several people use one browser, user. */
  readonly scope: string;
  readonly storage: OutboxStorage;
  /** `undefined` where there are none: then the edits of other tabs are taken over once, at the start. */
  readonly locks: Locks | undefined;
  readonly clock: Clock;
  /** Takes warnings; default: the console. */
  readonly logger?: Pick<Logger, 'warn'> | undefined;
  /** Takes over the edits of a closed tab. */
  readonly importStored: (campaignId: string, mutations: readonly StoredMutation[]) => void;
  /** What is stored has changed, or whether the device works. */
  readonly onChange: () => void;
}

/** The outbox on the device: unsaved edits outlive the page there. */
export interface OutboxPersistence {
  /** Keeps what is unsaved of a campaign; to be called whenever that has changed. */
  readonly save: (campaignId: string, mutations: readonly StoredMutation[]) => void;
  /** Whether the mutation, as it is, is on the device. */
  readonly isStored: (mutation: Mutation) => boolean;
  /** Whether the last write failed; it is retried, with backoff. */
  readonly isFailing: () => boolean;
  readonly close: () => void;
  /** Closes, and removes all of this owner's edits, other tabs' too. */
  readonly clear: () => Promise<void>;
}

/**
 * Ownership by lock, takeover by a leader. Every tab writes its own mutations under its own name, and holds a lock of
 * that name for as long as it is open; so each tab alone decides the order of its edits. One tab is the leader: it
 * takes over what is stored under names that are not locked any more, and sends it. If two tabs do so while the leader
 * changes, nothing is lost, for the server applies each mutation id once. Without locks that work, a tab takes over
 * everything once, when it opens: doing so again and again, two tabs would remove each other's edits.
 */
export function createOutboxPersistence(options: OutboxPersistenceOptions): OutboxPersistence {
  const { scope, locks, clock, logger = CONSOLE, importStored, onChange } = options;
  const storage = storageWithDeadlines(options.storage, clock);
  const tab = clock.id();
  let closed = false;
  let end = () => {};
  let cancelTimer = () => {};
  const ended = new Promise<void>((resolve) => (end = resolve));
  /** The newest state of each key that is not yet on the device. */
  const unwritten = new Map<string, readonly StoredMutation[]>();
  const saved = new Map<string, readonly StoredMutation[]>();
  const stored = new WeakSet<Mutation>();
  let isWriting = false;
  let written = Promise.resolve();
  let failures = 0;
  let cancelRetry = () => {};

  /** The device refuses (a full disk, a private window): edits stay in the page meanwhile. */
  function warn(cause: unknown): void {
    logger.warn('campaign-state: unsaved changes cannot be kept on this device', cause);
  }

  const keyOf = (owner: string, campaignId: string) => `${scope}/${owner}/${campaignId}`;
  const lockOf = (owner: string) => `campaign-state/${scope}/${owner}`;

  function save(campaignId: string, mutations: readonly StoredMutation[]): void {
    const key = keyOf(tab, campaignId);
    if (closed || areSame(saved.get(key) ?? [], mutations)) return;
    if (mutations.length > 0) saved.set(key, mutations);
    else saved.delete(key);
    unwritten.set(key, mutations);
    write();
  }

  function write(): void {
    if (isWriting) return;
    isWriting = true;
    written = writeAll();
  }

  /** Writes follow one another: a later state must not be overtaken by an earlier one. */
  async function writeAll(): Promise<void> {
    cancelRetry();
    for (let next = first(unwritten); next; next = first(unwritten)) {
      const [key, mutations] = next;
      try {
        await (mutations.length > 0 ? storage.set(key, mutations.map(asStored)) : storage.remove(key));
      } catch (cause) {
        if (failures === 0) warn(cause);
        if (!closed) cancelRetry = clock.after(retryDelay(failures, clock.random()), write);
        failures += 1;
        isWriting = false;
        return onChange();
      }
      failures = 0;
      for (const { mutation } of mutations) stored.add(mutation);
      if (unwritten.get(key) === mutations) unwritten.delete(key);
      onChange();
    }
    isWriting = false;
  }

  /** Takes over everything that belongs to no open tab. */
  async function takeOver(requestIfFree: Locks['requestIfFree']): Promise<void> {
    for (const [key, mutations] of await storage.entries()) {
      const [owner, campaignId] = key.startsWith(`${scope}/`) ? key.slice(scope.length + 1).split('/') : [];
      if (owner === undefined || campaignId === undefined || owner === tab) continue;
      await requestIfFree(lockOf(owner), async () => {
        importStored(campaignId, mutations);
        await written;
        // They are stored under our name before they are removed under the other; else the next round tries again.
        if (unwritten.size === 0) await storage.remove(key);
      });
    }
  }

  async function lead({ requestIfFree }: Locks): Promise<void> {
    while (!closed) {
      await takeOver(requestIfFree).catch(warn);
      await Promise.race([
        ended,
        new Promise<void>((resolve) => (cancelTimer = clock.after(TAKE_OVER_EVERY_MS, resolve))),
      ]);
    }
  }

  /** Locks that fail, hang or are missing. */
  function takeOverWithoutLocks(): void {
    if (!closed) takeOver((_name, held) => held()).catch(warn);
  }

  async function start(given: Locks): Promise<void> {
    // Nobody else asks for the lock of this tab, so that it is granted at once by locks that work.
    await withDeadline(
      clock,
      new Promise<void>((resolve, reject) => {
        given.request(lockOf(tab), () => (resolve(), ended)).catch(reject);
      }),
    );
    await given.request(lockOf('leader'), () => lead(given));
  }

  if (locks) start(locks).catch(takeOverWithoutLocks);
  else takeOverWithoutLocks();

  function close(): void {
    closed = true;
    cancelTimer();
    cancelRetry();
    end();
  }

  return {
    save,
    isStored: (mutation) => stored.has(mutation),
    isFailing: () => failures > 0,
    close,
    async clear() {
      close();
      unwritten.clear();
      await written;
      const keys = (await storage.entries()).map(([key]) => key).filter((key) => key.startsWith(`${scope}/`));
      await Promise.all(keys.map((key) => storage.remove(key)));
    },
  };
}

function first<K, V>(map: ReadonlyMap<K, V>): readonly [K, V] | undefined {
  for (const entry of map) return entry;
  return undefined;
}

function asStored(stored: StoredMutation): StoredMutation {
  const { mutation, madeAt, group, onConflict, isUnsent, places, conflicts } = stored;
  return {
    mutation,
    madeAt,
    ...(group !== undefined && { group }),
    ...(onConflict && { onConflict }),
    ...(isUnsent && { isUnsent }),
    ...(places && { places }),
    ...(conflicts && { conflicts }),
  };
}

/** Whether these are the same mutations: another change of their delivery need not be written. */
function areSame(before: readonly StoredMutation[], after: readonly StoredMutation[]): boolean {
  const parts = ['mutation', 'places', 'conflicts', 'isUnsent'] as const;
  return (
    before.length === after.length &&
    before.every((stored, index) => parts.every((part) => stored[part] === after[index]?.[part]))
  );
}
