import type { CampaignDocument } from '@campaign-state/client';

/**
 * What a new campaign starts with: enough for a page that looks like one, and a draft until somebody decides otherwise.
 */
export function newCampaign(campaignId: string, title: string) {
  return {
    slug: campaignId,
    title,
    description: 'Say in two sentences what this is, and for whom.',
    status: 'draft',
    features: ['lead_form', 'progress'],
    ui_content: {
      banner: title,
      kicker: 'Coming soon',
      cta: 'Count me in',
      lead_form: {
        title: 'Be the first to know',
        fields: [{ name: 'email', label: 'Email', type: 'email', required: true }],
        submit_text: 'Tell me',
        thanks: 'Thank you. You will hear from us.',
      },
    },
    ui_components: { progress: { type: 'progress', label: 'Signed up so far', value: 0, goal: 100, unit: 'people' } },
    theme: {
      primary: '#1d4ed8',
      accent: '#db2777',
      background: '#ffffff',
      text: '#16181d',
      radius: 10,
      font: 'grotesque',
    },
  } satisfies CampaignDocument;
}
