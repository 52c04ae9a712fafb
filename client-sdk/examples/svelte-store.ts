import type { CampaignClient } from '@campaign-state/client';
import { campaignStore, type SvelteStore } from '@campaign-state/client/svelte';

/**
 * The title of a campaign as a Svelte store: `$title` in a component, or with runes `fromStore(title).current`. It
 * changes only when the title does.
 */
export function titleStore(client: CampaignClient, campaignId?: string): SvelteStore<string | undefined> {
  return campaignStore(client.campaign(campaignId), ({ state }) => state.title);
}
