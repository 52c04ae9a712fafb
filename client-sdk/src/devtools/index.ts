export {
  createClientWithDevtools,
  type Devtools,
  type DevtoolsSnapshot,
  type SeenCampaignState,
  type SeenEdit,
  type SeenFrame,
} from './devtools.ts';
