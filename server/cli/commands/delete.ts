import type { DeletionReceipt } from '../../engine/service.ts';
import { CAMPAIGN_ID_PATTERN } from '../../core/document/campaign.ts';
import { adminServer, callOrGiveUp } from './admin-call.ts';
import { giveUp } from './explain.ts';
import { readArguments } from './read-arguments.ts';

const options = { now: { type: 'boolean', default: false }, url: { type: 'string' } } as const;

/**
 * The command `delete <id> [--now]`: deletes a campaign of a running server for good, which has been archived for seven
 * days; with `--now`, any campaign at once.
 */
export async function deleteCampaign(args: readonly string[]): Promise<void> {
  const { values, positionals } = readArguments(args, options);
  const [campaignId, ...more] = positionals;
  if (campaignId === undefined || more.length > 0 || !CAMPAIGN_ID_PATTERN.test(campaignId))
    giveUp('delete takes the id of a campaign; --help says more.');
  const { now, url } = values;
  const server = await adminServer(url, 'delete');
  const deletion = await callOrGiveUp<DeletionReceipt>(server, 'campaign.delete', { campaignId, now });
  const rest = deletion.complete ? '' : ' The rest of its rows goes by itself.';
  process.stdout.write(`${campaignId} is deleted; it was at ${deletion.position}.${rest}\n`);
}
