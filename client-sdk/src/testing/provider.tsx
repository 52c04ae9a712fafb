import { useState, type ReactNode } from 'react';
import { CampaignProvider } from '../react/provider/provider.tsx';
import type { CampaignDocument } from '../document.ts';
import { createTestCampaign, type TestCampaign } from './test-campaign.ts';

export interface CampaignTestProviderProps {
  /** The document that the tree below sees. */
  readonly state?: Partial<CampaignDocument>;
  /** A campaign that the test has a hand on; `state` is then its affair. */
  readonly campaign?: TestCampaign;
  readonly children?: ReactNode;
}

/**
 * Components under test, on a campaign in memory.
 *
 * @example render(<CampaignTestProvider state={{ slug: 'spring', title: 'Spring' }}><Headline
 *   /></CampaignTestProvider>)
 */
export function CampaignTestProvider({ state, campaign, children }: CampaignTestProviderProps) {
  const [own] = useState(() => campaign ?? createTestCampaign(state && { state }));
  const shown = campaign ?? own;
  return <CampaignProvider client={shown.client}>{children}</CampaignProvider>;
}
