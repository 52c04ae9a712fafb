import type { Clock } from '../clock.ts';
import type { DeviceStorage } from './device-storage.ts';
import type { CampaignSeed } from '../sync/seed.ts';

/** A campaign as it was last seen on this device. */
export interface SeenCampaign extends CampaignSeed {
  /** Where the stream goes on after it. */
  readonly resumeId: string;
  /** Epoch milliseconds. */
  readonly seenAt: number;
}

export interface SnapshotCache {
  /** What was last seen of a campaign, or of the server's default one. */
  readonly recall: (campaignId: string | undefined) => Promise<SeenCampaign | undefined>;
  /** A campaign has moved; it is written down soon, as it is then. */
  readonly keep: (campaignId: string, seen: () => SeenCampaign | undefined) => void;
  /** It is not for this user any more. */
  readonly forget: (campaignId: string) => void;
  /** Writes what is still to be written. */
  readonly close: () => void;
  /** Removes all of it, for good. */
  readonly clear: () => Promise<void>;
}

export interface SnapshotCacheOptions {
  /** Whose they are: server and, where several people use one browser, user. */
  readonly scope: string;
  readonly storage: DeviceStorage<SeenCampaign>;
  readonly clock: Clock;
}

/** The newest so many campaigns are kept: of at most 256 KiB each, 5 MiB in all. */
const KEPT_AT_MOST = 20;

/** A campaign that moves all the time is not written all the time. */
const WRITE_AFTER_MS = 1_000;

/** Keeps what was last seen, so that a page that is opened without a network has something to show. */
export function createSnapshotCache({ scope, storage, clock }: SnapshotCacheOptions): SnapshotCache {
  /** By campaign, the one seen longest ago first; of those seen in this life of the page, only that they were. */
  const kept = new Map<string, SeenCampaign | 'here'>();
  const unwritten = new Map<string, () => SeenCampaign | undefined>();
  let cancelWrite: (() => void) | undefined;
  let closed = false;
  const keyOf = (campaignId: string) => `${scope}/${campaignId}`;
  const loaded = storage.entries().then(load).catch(warn);

  function load(found: readonly (readonly [string, SeenCampaign])[]): void {
    const ours = found.filter(([key]) => key.startsWith(`${scope}/`)).map(([, seen]) => seen);
    for (const seen of ours.sort((a, b) => a.seenAt - b.seenAt)) kept.set(seen.campaignId, seen);
  }

  function write(): void {
    cancelWrite?.();
    cancelWrite = undefined;
    const due = [...unwritten];
    unwritten.clear();
    for (const [campaignId, seen] of due) {
      const now = seen();
      if (!now) continue;
      kept.delete(campaignId);
      kept.set(campaignId, 'here');
      storage.set(keyOf(campaignId), now).catch(warn);
    }
    for (const campaignId of [...kept.keys()].slice(0, -KEPT_AT_MOST)) remove(campaignId);
  }

  function remove(campaignId: string): void {
    kept.delete(campaignId);
    storage.remove(keyOf(campaignId)).catch(warn);
  }

  return {
    async recall(campaignId) {
      await loaded;
      const seen =
        campaignId === undefined
          ? [...kept.values()].findLast((one) => one !== 'here' && one.isDefault)
          : kept.get(campaignId);
      return seen === 'here' ? undefined : seen;
    },
    keep(campaignId, seen) {
      if (closed) return;
      unwritten.set(campaignId, seen);
      // What was there before is read first, or the oldest could not be told.
      cancelWrite ??= clock.after(WRITE_AFTER_MS, () => void loaded.then(write));
    },
    forget(campaignId) {
      unwritten.delete(campaignId);
      void loaded.then(() => remove(campaignId));
    },
    close() {
      closed = true;
      void loaded.then(write);
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

/** The device refuses (a full disk, a private window): the app goes on, and whoever debugs it is told. */
function warn(cause: unknown): void {
  console.warn('campaign-state: what was last seen cannot be kept on this device', cause);
}
