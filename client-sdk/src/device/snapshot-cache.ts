import type { Viewer } from '../../../server/core/document/targeting-fields.ts';
import type { Clock } from '../clock.ts';
import { CONSOLE, type Logger } from '../logger.ts';
import type { DeviceStorage } from './device-storage.ts';
import { storageWithDeadlines } from './storage-deadlines.ts';
import type { CampaignSeed } from '../sync/seed.ts';

/** A campaign as it was last seen on this device. */
export interface SeenCampaign extends CampaignSeed {
  /** Where the stream goes on after it. */
  readonly resumeId: string;
  /** For whom it is. */
  readonly viewer?: Viewer;
  /** Epoch milliseconds. */
  readonly seenAt: number;
}

/** The campaigns last seen on this device: what a page shows that is opened without a network. */
export interface SnapshotCache {
  /** A campaign as this viewer has last seen it, or the server's default one. */
  readonly read: (campaignId: string | undefined, viewer?: Viewer) => Promise<SeenCampaign | undefined>;
  /** Writes a campaign that has moved, soon, as it is then. */
  readonly write: (campaignId: string, seen: () => SeenCampaign | undefined) => void;
  /** Removes a campaign that this user may not see any more. */
  readonly remove: (campaignId: string) => void;
  /** Writes what is still to be written. */
  readonly close: () => void;
  /** Closes, and removes all of this owner's campaigns. */
  readonly clear: () => Promise<void>;
}

export interface SnapshotCacheOptions {
  /** The owner: server and, where several people use one browser, user. */
  readonly scope: string;
  readonly storage: DeviceStorage<SeenCampaign>;
  readonly clock: Clock;
  /** Takes warnings; default: the console. */
  readonly logger?: Pick<Logger, 'warn'> | undefined;
}

/** Campaigns that are kept, the newest ones: of at most 256 KiB each, 5 MiB in all. */
const MAX_CAMPAIGNS = 20;

/** The pause between writes, in milliseconds: a campaign that moves all the time is not written all the time. */
const WRITE_AFTER_MS = 1_000;

/** The name of a campaign as one viewer sees it; no id of a campaign has a question mark. */
function nameOf(campaignId: string, viewer: Viewer | undefined): string {
  if (!viewer) return campaignId;
  const attributes = Object.entries(viewer.attributes).sort(([a], [b]) => (a < b ? -1 : 1));
  return `${campaignId}?${JSON.stringify(attributes)}`;
}

export function createSnapshotCache({
  scope,
  clock,
  logger = CONSOLE,
  ...options
}: SnapshotCacheOptions): SnapshotCache {
  const storage = storageWithDeadlines(options.storage, clock);
  /** By campaign, the one seen longest ago first; of those seen in this life of the page, only that they were. */
  const kept = new Map<string, SeenCampaign | 'here'>();
  const unwritten = new Map<string, () => SeenCampaign | undefined>();
  let cancelWrite: (() => void) | undefined;
  let closed = false;
  const keyOf = (name: string) => `${scope}/${name}`;
  /** The device refuses (a full disk, a private window): the app goes on. */
  function warn(cause: unknown): void {
    logger.warn('campaign-state: what was last seen cannot be kept on this device', cause);
  }

  const loaded = storage.entries().then(load).catch(warn);

  function load(found: readonly (readonly [string, SeenCampaign])[]): void {
    const ours = found.filter(([key]) => key.startsWith(`${scope}/`)).map(([, seen]) => seen);
    for (const seen of ours.sort((a, b) => a.seenAt - b.seenAt)) kept.set(nameOf(seen.campaignId, seen.viewer), seen);
  }

  function writeDue(): void {
    cancelWrite?.();
    cancelWrite = undefined;
    const due = [...unwritten];
    unwritten.clear();
    for (const [campaignId, seen] of due) {
      const now = seen();
      if (!now) continue;
      const name = nameOf(campaignId, now.viewer);
      kept.delete(name);
      kept.set(name, 'here');
      storage.set(keyOf(name), now).catch(warn);
    }
    for (const name of [...kept.keys()].slice(0, -MAX_CAMPAIGNS)) removeKept(name);
  }

  function removeKept(name: string): void {
    kept.delete(name);
    storage.remove(keyOf(name)).catch(warn);
  }

  return {
    async read(campaignId, viewer) {
      await loaded;
      const seen =
        campaignId === undefined
          ? [...kept.values()].findLast(
              (one) => one !== 'here' && one.isDefault && nameOf('', one.viewer) === nameOf('', viewer),
            )
          : kept.get(nameOf(campaignId, viewer));
      return seen === 'here' ? undefined : seen;
    },
    write(campaignId, seen) {
      if (closed) return;
      unwritten.set(campaignId, seen);
      // What was there before is read first, so that the oldest is known.
      cancelWrite ??= clock.after(WRITE_AFTER_MS, () => void loaded.then(writeDue));
    },
    remove(campaignId) {
      unwritten.delete(campaignId);
      void loaded.then(() => {
        for (const name of kept.keys()) if (name === campaignId || name.startsWith(`${campaignId}?`)) removeKept(name);
      });
    },
    close() {
      closed = true;
      void loaded.then(writeDue);
    },
    async clear() {
      closed = true;
      unwritten.clear();
      await loaded;
      const keys = (await storage.entries()).map(([key]) => key).filter((key) => key.startsWith(`${scope}/`));
      await Promise.all(keys.map((key) => storage.remove(key)));
    },
  };
}
