export { CampaignTestProvider, type CampaignTestProviderProps } from './provider.tsx';
export { createTestCampaign, type TestCampaign, type TestCampaignOptions, type TestLink } from './test-campaign.ts';
