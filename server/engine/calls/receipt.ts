import type { Receipt } from '../../core/stream/entry.ts';
import { formatPosition } from '../../core/stream/position.ts';
import type { LiveCampaign } from '../campaign/live-campaign.ts';

/** Receipt of a mutation that was applied at that position, with its present durability. */
export function toReceipt(
  live: LiveCampaign,
  applied: { epoch: string; version: number; mutationId: string },
  changed: boolean,
  persistent: boolean,
): Receipt {
  const { epoch, version, mutationId } = applied;
  const durability = !persistent ? 'none' : version <= live.watermark.version ? 'durable' : 'accepted';
  return {
    campaignId: live.id,
    position: formatPosition(epoch, version),
    epoch,
    version,
    changed,
    durability,
    mutationId,
  };
}
