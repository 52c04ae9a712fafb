export { listCampaigns, type CampaignFilter, type CampaignList, type CampaignListStore } from './campaign-list.ts';
export {
  campaignTable,
  type CampaignTable,
  type CampaignTableQuery,
  type CampaignTableStore,
} from './campaign-table.ts';
export { severalCampaigns } from './several-campaigns.ts';
export type { ListedCampaign } from '../../../server/core/stream/list-events.ts';
export type { ListSort } from '../../../server/core/stream/list-query.ts';
