import { CampaignError, createCampaignClient } from '@campaign-state/client';

/**
 * A service without a page: ends every campaign whose date has passed, and waits until that is committed.
 *
 * @returns the ids of those it has ended
 */
export async function endOverdueCampaigns(url: string, now: Date, token?: string): Promise<string[]> {
  const client = createCampaignClient({ url, token });
  const ended: string[] = [];
  try {
    const { items } = await client.trpc.campaign.list.query({ status: 'active', limit: 100 });
    for (const { campaignId, version } of items) {
      const { state } = await client.trpc.campaign.get.query({ campaignId });
      if (state.end_date === undefined || new Date(state.end_date) > now) continue;
      try {
        const change = client
          .campaign(campaignId)
          .update({ status: 'ended' }, { expectedVersion: version, comment: 'its date has passed' });
        await change.durable;
        ended.push(campaignId);
      } catch (error) {
        // Somebody is editing it: the next run sees it again.
        if (!(error instanceof CampaignError) || error.reason !== 'CONFLICT') throw error;
      }
    }
    return ended;
  } finally {
    client.close();
  }
}
