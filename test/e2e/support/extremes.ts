import { createCampaignClient } from '@campaign-state/client';
import type { CampaignDocument } from '@campaign-state/client';

const LONG = 'An unreasonably long title that somebody pasted out of a press release about '.repeat(6).trim();

/** Documents that strain a layout, each in its way; by campaign id. */
const EXTREMES: Readonly<Record<string, CampaignDocument>> = {
  long_words: {
    slug: 'l',
    title: LONG,
    description: 'x'.repeat(400),
    features: ['lead_form', ...Array.from({ length: 999 }, (_, index) => `feature_${index}`)],
    tags: ['t'.repeat(128)],
    ui_content: {
      banner: LONG,
      cta: LONG,
      cta_note: 'y'.repeat(200),
      lead_form: { title: 'z'.repeat(100), fields: ['label_without_a_break_'.repeat(4)] },
      footer: 'v'.repeat(200),
    },
  },
  right_to_left: {
    slug: 'r',
    title: 'حملة الربيع 🌱 للجميع',
    description: 'هذه حملة لكل من يحب القراءة. تبدأ يوم الأحد في الساعة 8:00.',
    features: ['lead_form', 'ميزة'],
    tags: ['👩‍👩‍👧‍👦', 'كتب'],
    ui_content: {
      banner: 'الأحد للقراءة 📚',
      cta: 'انضم الآن',
      lead_form: { title: 'سجّل', fields: [{ name: 'email', label: 'البريد', type: 'email' }] },
    },
  },
  almost_nothing: { slug: 'b', title: 'B' },
  quarter_megabyte: {
    slug: 'q',
    title: 'A quarter of a megabyte',
    scripts: Object.fromEntries(
      Array.from({ length: 60 }, (_, index) => [`script_${index}`, { main_text: 'lorem ipsum '.repeat(350) }]),
    ),
  },
};

export const EXTREME_CAMPAIGNS = Object.keys(EXTREMES);

/** Creates them on that server. */
export async function createExtremes(url: string): Promise<void> {
  const client = createCampaignClient({ url });
  try {
    for (const [campaignId, state] of Object.entries(EXTREMES))
      await client.trpc.campaign.create.mutate({ campaignId, state: JSON.parse(JSON.stringify(state)) });
  } finally {
    client.close();
  }
}
