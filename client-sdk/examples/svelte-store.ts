import type { Campaign, CampaignSnapshot } from '@campaign-state/client';

/**
 * A campaign as a Svelte store: `$store.state.title` in a component. For Vue, see `vue/app.ts`.
 *
 * @example const store = campaignStore(client.campaign('spring'));
 */
export function campaignStore(campaign: Campaign): {
  subscribe: (run: (snapshot: CampaignSnapshot) => void) => () => void;
} {
  return {
    subscribe(run) {
      run(campaign.getSnapshot());
      return campaign.subscribe(() => run(campaign.getSnapshot()));
    },
  };
}
