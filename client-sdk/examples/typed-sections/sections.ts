import { defineSections } from '@campaign-state/client';
import { z } from 'zod';

/** The shape of this company's campaigns: enforced by the server, and the type of everything that reads or edits. */
export const sections = defineSections({
  features: z.array(z.enum(['leaderboard', 'polls', 'referral'])),
  ui_content: z.object({ banner: z.string().max(80), badge: z.object({ text: z.string() }).optional() }),
  commerce: z.object({ enabled: z.boolean(), currency: z.enum(['EUR', 'USD']) }),
});

declare module '@campaign-state/client' {
  interface Register {
    sections: typeof sections;
  }
}
