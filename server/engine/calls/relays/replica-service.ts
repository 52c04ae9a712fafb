import type { RefusalError } from '../../../core/errors.ts';
import { LIMITS, upToBytes } from '../../../core/limits.ts';
import { jsonBytes } from '../../../core/document/plain-json.ts';
import { isRelay, mayRelay, type Identity } from '../../../core/permissions.ts';
import { formatPosition, parsePosition, type Position } from '../../../core/stream/position.ts';
import type { CampaignImage, CampaignLook } from '../../../core/stream/replica.ts';
import { isPublished, type LiveCampaign } from '../../campaign/live-campaign.ts';
import type { CampaignHost } from '../../hosting/campaign-host.ts';
import type { LoadedCampaign } from '../../hosting/log-follower.ts';
import type { RelayedCount } from '../../hosting/relayed-viewers.ts';
import type { Archive, Clock } from '../../ports.ts';
import { forbidden } from '../../refusals.ts';
import type { Caller, CampaignService, Reader, ResumableEvent } from '../../service.ts';
import { createReadGate } from '../read-gate.ts';

/** Where a loaded campaign stands. */
export interface CampaignHead {
  readonly campaignId: string;
  readonly position: Position;
  readonly durableVersion: number;
}

/** Campaigns as relays are sent them: raw, for callers that may relay them and no others. */
export interface ReplicaService {
  /**
   * Everything of a campaign, at one moment.
   *
   * @throws RefusalError `FORBIDDEN` where the caller may not relay it; `NOT_FOUND`, with `deletedAt` where it was
   *   deleted
   */
  image(caller: Caller, campaignId: string): Promise<CampaignImage>;
  /**
   * What follows on a position, pulled one by one; where that is not known here, a snapshot, in whose place the relay
   * is sent another image. Ends when the signal aborts.
   *
   * @throws RefusalError from `next`, when the right to relay it ends, or the campaign
   */
  watch(
    caller: Caller,
    reader: Reader,
    options: { readonly campaignId: string; readonly position: Position },
  ): AsyncIterableIterator<ResumableEvent>;
  /**
   * What a relay asks of a campaign that it has not opened, or of one that somebody has seen a later position of.
   *
   * @param seen that position: the answer is not older, if this instance can know of it
   */
  look(caller: Caller, campaignId: string, seen?: Position): Promise<CampaignLook>;
  /** Where those of these campaigns stand that are loaded here. */
  heads(caller: Caller, campaignIds: readonly string[]): readonly CampaignHead[];
  /**
   * Takes how many read campaigns there, or at relays behind it, until its connection closes.
   *
   * @param relay the connection
   */
  count(caller: Caller, relay: object, counts: readonly RelayedCount[]): void;
}

export interface ReplicaServiceOptions {
  readonly hosting: CampaignHost;
  readonly archive: Archive;
  readonly clock: Clock;
  readonly watch: CampaignService['watch'];
}

/** Campaigns that are loaded at once for relays, and how long one waits for its turn, in milliseconds. */
const MAX_CONCURRENT_LOADS = 64;
const TURN_TIMEOUT_MS = 10_000;
/** Newest entries that an image brings. */
const RECENT_ENTRIES = 256;
/** Whoever was refused relaying reads nothing. */
const NO_RIGHTS: Identity = { id: 'nobody', grants: {} };

export function createReplicaService({ hosting, archive, clock, watch }: ReplicaServiceOptions): ReplicaService {
  const loads = createReadGate({ clock, maxConcurrent: MAX_CONCURRENT_LOADS, timeoutMs: TURN_TIMEOUT_MS });

  const load = (caller: Caller, campaignId: string): Promise<LoadedCampaign> => {
    if (!mayRelay(caller.identity, campaignId)) throw refused(campaignId);
    return loads.pass(caller, () => hosting.host(campaignId).loaded);
  };

  return {
    async image(caller, campaignId) {
      const { live } = await load(caller, campaignId);
      if (live.gone) throw live.gone;
      return imageOf(live);
    },

    watch(caller, reader, { campaignId, position }) {
      if (!mayRelay(caller.identity, campaignId)) throw refused(campaignId);
      const asReader: Reader = {
        identity: () => rawReaderOf(reader.identity(), campaignId),
        bufferedBytes: () => reader.bufferedBytes(),
        onIdentity: (callback) => reader.onIdentity(callback),
        disconnect: () => reader.disconnect(),
        isRelay: true,
      };
      const asCaller = { ...caller, identity: asReader.identity() };
      return watch(asCaller, asReader, { campaignId, lastEventId: position, receipts: true });
    },

    async look(caller, campaignId, seen) {
      if (!mayRelay(caller.identity, campaignId)) throw refused(campaignId);
      const heads = await loads.pass(caller, () => archive.heads([campaignId]));
      if (heads.length === 0) {
        const deletion = await loads.pass(caller, () => archive.findDeletion(campaignId));
        if (!deletion) return { published: false };
        return { published: false, deletion: { at: deletion.at, wasPublished: deletion.wasPublished } };
      }
      const campaign = await load(caller, campaignId);
      const { live } = campaign;
      const position = seen === undefined ? undefined : parsePosition(seen);
      if (position?.epoch === live.head.epoch && position.version > live.head.version) await hosting.catchUp(campaign);
      return { position: positionOf(live), published: isPublished(live.content) };
    },

    heads({ identity }, campaignIds) {
      if (!isRelay(identity)) throw refused('*');
      return campaignIds.flatMap((campaignId) => {
        const live = mayRelay(identity, campaignId) ? hosting.peek(campaignId)?.live : undefined;
        return live ? [{ campaignId, position: positionOf(live), durableVersion: live.watermark.version }] : [];
      });
    },

    count({ identity, signal }, relay, counts) {
      if (!isRelay(identity)) throw refused('*');
      const own = counts.filter(({ campaignId }) => mayRelay(identity, campaignId));
      hosting.relayedViewers.set(relay, own, signal);
    },
  };
}

/** The reader of a relay's stream: it sees everything of that campaign, and has no right to anything else. */
function rawReaderOf(relay: Identity, campaignId: string): Identity {
  if (!mayRelay(relay, campaignId)) return NO_RIGHTS;
  const { id, expiresAt } = relay;
  return { id, grants: { [campaignId]: 'admin' }, ...(expiresAt !== undefined && { expiresAt }) };
}

function imageOf(live: LiveCampaign): CampaignImage {
  const { head, content, lineage, former, updatedAt, updatedBy, stale } = live;
  const from = Math.max(live.ring.floor, head.version - RECENT_ENTRIES);
  // The newest ones that fit: they are counted from the newest to the oldest.
  const newest = upToBytes((live.ring.after(from) ?? []).reverse(), LIMITS.pageBytes, ({ change }) =>
    jsonBytes(change),
  );
  return {
    type: 'image',
    epoch: head.epoch,
    version: head.version,
    durableVersion: live.watermark.version,
    state: content.state,
    archivedAt: content.archivedAt,
    updatedAt,
    updatedBy,
    lineage,
    former,
    recent: newest.reverse(),
    ...(stale && { stale }),
  };
}

function positionOf({ head }: LiveCampaign): Position {
  return formatPosition(head.epoch, head.version);
}

function refused(campaignId: string): RefusalError {
  return forbidden(campaignId, 'relay');
}
