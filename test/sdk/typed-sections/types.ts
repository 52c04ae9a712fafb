// Compiled, never run: what the registered sections allow, and what they do not.
import type { Campaign, CampaignDocument, FeatureName } from '@campaign-state/client';
import { useFeature } from '@campaign-state/client/react';
import type {} from '../../../client-sdk/examples/typed-sections/sections.ts';

export function allowed(campaign: Campaign, document: CampaignDocument): void {
  void campaign.updateFeatures(['polls'], 'add');
  void campaign.batch((c) => c.updateFeatures([], 'set').updateConfig('ui_content', { badge: null }));
  void campaign.update({ features: ['referral'], ui_content: { badge: { text: 'new' } }, anything: { goes: 1 } });
  void campaign.updateConfig('commerce', { currency: 'USD' });
  useFeature('leaderboard');
  const features: FeatureName[] | undefined = document.features;
  const first: 'leaderboard' | 'polls' | 'referral' | undefined = features?.[0];
  const currency: 'EUR' | 'USD' | undefined = document.commerce?.currency;
  const title: string = document.title;
  const unknown: unknown = document.something_else;
  void [first, currency, title, unknown];
}

export function refused(campaign: Campaign, document: CampaignDocument): void {
  // @ts-expect-error no such feature
  void campaign.updateFeatures(['pols'], 'add');
  // @ts-expect-error no such feature, in a batch
  void campaign.batch((c) => c.updateFeatures(['pols'], 'add'));
  // @ts-expect-error no such feature, as a part of the document
  void campaign.update({ features: ['pols'] });
  // @ts-expect-error no such feature
  useFeature('pols');
  // @ts-expect-error the document can have no such feature
  document.features?.includes('pols');
  // @ts-expect-error a badge has a text
  void campaign.updateConfig('ui_content', { badge: { text: 1 } });
  // @ts-expect-error no such currency
  void campaign.update({ commerce: { currency: 'GBP' } });
  // @ts-expect-error no such part of a badge
  void document.ui_content?.badge?.colour;
}
