import { asCampaign } from '../../../server/core/document/campaign.ts';
import type { Clock } from '../clock.ts';
import type { Viewer } from '../../../server/core/document/targeting-fields.ts';
import type { Mirror } from '../sync/mirror.ts';
import type { DeviceStorage, Locks, OutboxStorage, TabChannel } from './device-storage.ts';
import {
  createOutboxPersistence,
  type OutboxPersistence,
  type OutboxPersistenceOptions,
} from './outbox-persistence.ts';
import { createSnapshotCache, type SeenCampaign, type SnapshotCache } from './snapshot-cache.ts';

/** What the device tells the client. */
export interface DeviceCallbacks extends Pick<OutboxPersistenceOptions, 'importStored' | 'onChange' | 'logger'> {
  /** Another tab has logged this user out: nothing is kept of it any more. */
  readonly onForgotten: () => void;
}

/** The confirmed state of a campaign, and where its stream goes on. */
export interface ConfirmedCampaign {
  readonly mirror: Mirror;
  readonly resumeId: string;
  /** For whom it is. */
  readonly viewer: Viewer | undefined;
  /** Whether it is the server's default campaign. */
  readonly isDefault: boolean;
}

/** The storage of one client that outlives the page. */
export interface Device {
  readonly outbox: OutboxPersistence;
  readonly snapshots: SnapshotCache;
  /** Keeps a campaign that has moved, soon, as it is then. */
  readonly keepSeen: (campaignId: string, seen: () => ConfirmedCampaign | undefined) => void;
  readonly close: () => void;
  /** Closes, and removes all that is kept of this user; the other tabs keep nothing of it from then on, either. */
  readonly clear: () => Promise<void>;
}

export interface DeviceOptions extends DeviceCallbacks {
  /** The owner: server and, where several people use one browser, user. */
  readonly scope: string;
  readonly unsaved: OutboxStorage;
  readonly seen: DeviceStorage<SeenCampaign>;
  readonly locks: Locks | undefined;
  /** `undefined` where tabs cannot talk to each other. */
  readonly tabs: TabChannel | undefined;
  readonly clock: Clock;
}

/** What is unsaved and what was seen of one user, on a device that several tabs share. */
export function createDevice(options: DeviceOptions): Device {
  const { scope, unsaved, seen, locks, tabs, clock, logger, importStored, onChange, onForgotten } = options;
  const outbox = createOutboxPersistence({ scope, storage: unsaved, locks, clock, logger, importStored, onChange });
  const snapshots = createSnapshotCache({ scope, storage: seen, clock, logger });

  async function remove(): Promise<void> {
    await Promise.all([outbox.clear(), snapshots.clear()]);
  }

  tabs?.onForget(() => {
    tabs.close();
    // What this tab was writing would come after what the other one has removed.
    remove().catch(() => undefined);
    onForgotten();
  });

  return {
    outbox,
    snapshots,
    keepSeen: (campaignId, seen) =>
      snapshots.write(campaignId, () => {
        const found = seen();
        return found && seenCampaign(campaignId, found, clock.now());
      }),
    close() {
      tabs?.close();
      outbox.close();
      snapshots.close();
    },
    clear() {
      tabs?.forget();
      tabs?.close();
      return remove();
    },
  };
}

function seenCampaign(
  campaignId: string,
  { mirror, resumeId, viewer, isDefault }: ConfirmedCampaign,
  seenAt: number,
): SeenCampaign {
  const { epoch, version, durableVersion, content, assignments } = mirror;
  const archived = content.archivedAt !== undefined && { archivedAt: content.archivedAt };
  const state = asCampaign(content.state);
  const told = { ...(assignments && { assignments }), ...(viewer && { viewer }) };
  return { campaignId, isDefault, epoch, version, durableVersion, ...archived, state, ...told, resumeId, seenAt };
}
