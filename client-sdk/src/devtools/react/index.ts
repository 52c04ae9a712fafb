export { CampaignDevtools, type CampaignDevtoolsProps } from './panel.tsx';
