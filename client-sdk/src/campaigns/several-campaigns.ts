import type { CampaignClient, CampaignSnapshot, Readable } from '../types.ts';

/**
 * Several campaigns as one store, in the order of their ids. Each is live while anyone subscribes, on the client's one
 * connection.
 *
 * @example
 * const both = severalCampaigns(client, ['spring', 'autumn']);
 * both.subscribe(() => console.log(both.getSnapshot().map(({ state }) => state.title)));
 */
export function severalCampaigns(
  client: Pick<CampaignClient, 'campaign'>,
  campaignIds: readonly string[],
): Readable<readonly CampaignSnapshot[]> {
  const campaigns = campaignIds.map((campaignId) => client.campaign(campaignId));
  const initial = campaigns.map((campaign) => campaign.getInitialSnapshot());
  let shown: readonly CampaignSnapshot[] = initial;
  return {
    getInitialSnapshot: () => initial,
    getSnapshot() {
      const next = campaigns.map((campaign) => campaign.getSnapshot());
      if (next.some((snapshot, index) => snapshot !== shown[index])) shown = next;
      return shown;
    },
    subscribe(listener) {
      const stops = campaigns.map((campaign) => campaign.subscribe(listener));
      return () => {
        for (const stop of stops) stop();
      };
    },
  };
}
