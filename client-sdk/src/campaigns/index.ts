export { listCampaigns, type CampaignFilter, type CampaignList, type CampaignListStore } from './campaign-list.ts';
export { severalCampaigns } from './several-campaigns.ts';
export type { ListedCampaign } from '../../../server/core/stream/list-events.ts';
