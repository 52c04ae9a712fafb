export type { TrackedEvent } from './memory-events.ts';
export { createTestCampaign, type TestCampaign, type TestCampaignOptions, type TestLink } from './test-campaign.ts';
