import type { JsonObject } from '@campaign-state/client';
import { newCampaign } from './new-campaign.ts';

/** What a new campaign can start with. */
export interface Template {
  readonly key: string;
  readonly label: string;
  readonly make: (campaignId: string, title: string) => JsonObject;
}

const DAY_MS = 86_400_000;

function inDays(days: number): string {
  return new Date(Date.now() + days * DAY_MS).toISOString();
}

export const TEMPLATES: readonly Template[] = [
  { key: 'sign-up', label: 'Sign-up page', make: newCampaign },
  {
    key: 'launch',
    label: 'Countdown to a launch',
    make: (campaignId, title) => ({
      ...newCampaign(campaignId, title),
      start_date: inDays(30),
      features: ['countdown', 'lead_form'],
      ui_components: { countdown: { type: 'countdown', label: 'Opens in', target: 'start_date' } },
    }),
  },
  {
    key: 'fundraiser',
    label: 'Fundraiser with a goal',
    make: (campaignId, title) => ({
      ...newCampaign(campaignId, title),
      features: ['progress', 'leaderboard', 'lead_form'],
      ui_components: {
        progress: { type: 'progress', label: 'Raised so far', value: 0, goal: 10_000, unit: '€' },
        leaderboard: { type: 'leaderboard', title: 'Who has given', entries: [] },
      },
    }),
  },
  {
    key: 'empty',
    label: 'Nothing',
    make: (campaignId, title) => ({ slug: campaignId, title, status: 'draft' }),
  },
];
