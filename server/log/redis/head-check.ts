import type { SealedEntry } from '../../core/stream/log-record.ts';
import type { TrackedCampaign, TrackedCampaigns } from './tracked-campaigns.ts';
import { partitionOf } from './keys.ts';
import { asList, asText, asVersion } from './replies/values.ts';
import type { RunForEach } from './run-for-each.ts';
import { HEADS } from './scripts/campaign-log.ts';
import type { ChannelSubscriber } from './channel-subscriber.ts';

export interface HeadCheckOptions {
  readonly hosted: TrackedCampaigns;
  readonly subscriber: Pick<ChannelSubscriber, 'subscribe'>;
  readonly runForEach: RunForEach;
  /** Reads all entries after that version. */
  read(campaignId: string, afterVersion: number): Promise<SealedEntry[]>;
  receiveEntry(campaign: TrackedCampaign, sealed: SealedEntry): void;
  /** Reads the lock table of a campaign, and publishes it where it is newer than the one that was received. */
  readLocks(campaign: TrackedCampaign): Promise<void>;
}

/**
 * Anti-entropy for publications: compares the heads of all hosted campaigns with what was received of them.
 *
 * Redis' publications are at most once. One that is lost leaves a gap, which the next one shows; the last one before a
 * silence shows nothing. So that every instance converges all the same (G9), this check runs once a second and after
 * every reconnect:
 *
 * - a head that is ahead: the missing entries are read from the stream, and the channel is subscribed to again, as it
 *   may have moved to another node
 * - a lock table of a higher revision: it is read
 * - no head, a head behind what was received, one of another generation, or one whose entries are not in the stream:
 *   the log has lost entries or was seeded anew, and the listener is told `reset`
 *
 * What was received is noted before Redis is asked, so that an entry which arrives in between is never taken for a head
 * that went back. Rejected: publications by Redis Streams' consumer groups, which keep a cursor per instance in Redis
 * and need one blocking read per campaign; and a check per publication, which doubles the calls and still misses the
 * last one.
 */
export function createHeadCheck({
  hosted,
  subscriber,
  runForEach,
  read,
  receiveEntry,
  readLocks,
}: HeadCheckOptions): () => Promise<void> {
  const checkHead = async (campaign: TrackedCampaign, received: number, head: readonly unknown[]): Promise<void> => {
    if (hosted.get(campaign.campaignId) !== campaign || !campaign.opened) return;
    const [generation, version, epoch, durable, lockRevision] = head;
    if (
      generation === undefined ||
      asVersion('HEADS', generation) !== campaign.generation ||
      asVersion('HEADS', version) < received
    ) {
      campaign.listener({ kind: 'reset' });
      return;
    }
    if (asVersion('HEADS', version) > campaign.version) {
      for (const sealed of await read(campaign.campaignId, campaign.version)) receiveEntry(campaign, sealed);
      if (campaign.version < asVersion('HEADS', version)) {
        campaign.listener({ kind: 'reset' });
        return;
      }
      await subscriber.subscribe(campaign.keys.channel);
    }
    hosted.receiveDurable(campaign, asText('HEADS', epoch), asVersion('HEADS', durable));
    if (asVersion('HEADS', lockRevision) > campaign.locks.revision) await readLocks(campaign);
  };

  return async () => {
    const checked = hosted.all().map((campaign) => ({ campaign, received: campaign.version }));
    const groups = [...Map.groupBy(checked, ({ campaign }) => partitionOf(campaign.campaignId)).values()];
    const heads = await runForEach(
      HEADS,
      groups.map((group) => group.flatMap(({ campaign }) => [campaign.keys.meta, campaign.keys.log])),
      [],
    );
    await Promise.all(
      groups
        .flat()
        .map(({ campaign, received }, index) => checkHead(campaign, received, asList('HEADS', heads[index]))),
    );
  };
}
