import type { SealedEntry } from '../../engine/ports.ts';
import type { TrackedCampaign, TrackedCampaigns } from './tracked-campaigns.ts';
import { partitionOf } from './keys.ts';
import { asList, asText, asVersion } from './replies.ts';
import type { RunForEach } from './run-for-each.ts';
import { HEADS } from './scripts.ts';
import type { ChannelSubscriber } from './channel-subscriber.ts';

export interface HeadCheckOptions {
  hosted: TrackedCampaigns;
  subscriber: Pick<ChannelSubscriber, 'subscribe'>;
  runForEach: RunForEach;
  /** All entries after that version. */
  read(campaignId: string, afterVersion: number): Promise<SealedEntry[]>;
  tellEntry(campaign: TrackedCampaign, sealed: SealedEntry): void;
}

/**
 * Compares what was heard of all hosted campaigns with what is there, and makes up for the difference: publications can
 * be lost, the last one before a silence too (G9).
 */
export function createHeadCheck({
  hosted,
  subscriber,
  runForEach,
  read,
  tellEntry,
}: HeadCheckOptions): () => Promise<void> {
  const checkHead = async (campaign: TrackedCampaign, heard: number, head: readonly unknown[]): Promise<void> => {
    if (hosted.get(campaign.campaignId) !== campaign || !campaign.opened) return;
    const [generation, version, epoch, durable] = head;
    if (
      generation === undefined ||
      asVersion('HEADS', generation) !== campaign.generation ||
      asVersion('HEADS', version) < heard
    ) {
      campaign.listener({ kind: 'reset' });
      return;
    }
    if (asVersion('HEADS', version) > campaign.version) {
      for (const sealed of await read(campaign.campaignId, campaign.version)) tellEntry(campaign, sealed);
      // A publication was lost, or the channel has moved to another node of the cluster.
      await subscriber.subscribe(campaign.keys.channel);
    }
    hosted.tellDurable(campaign, asText('HEADS', epoch), asVersion('HEADS', durable));
  };

  return async () => {
    const checked = hosted.all().map((campaign) => ({ campaign, heard: campaign.version }));
    const groups = [...Map.groupBy(checked, ({ campaign }) => partitionOf(campaign.campaignId)).values()];
    const heads = await runForEach(
      HEADS,
      groups.map((group) => group.map(({ campaign }) => campaign.keys.meta)),
      [],
    );
    await Promise.all(
      groups.flat().map(({ campaign, heard }, index) => checkHead(campaign, heard, asList('HEADS', heads[index]))),
    );
  };
}
