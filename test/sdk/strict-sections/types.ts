// Compiled, never run: with `strict`, names that are neither the document's nor registered do not compile.
import type { Campaign, CampaignDocument, SectionSchema } from '@campaign-state/client';

declare module '@campaign-state/client' {
  interface Register {
    sections: { readonly commerce: SectionSchema<{ currency: 'EUR' | 'USD'; note?: string }> };
    strict: true;
  }
}

export function allowed(campaign: Campaign, document: CampaignDocument): void {
  void campaign.update({ title: 'x', description: null, commerce: { currency: 'USD', note: null } });
  void campaign.updateConfig('commerce', { currency: 'EUR' });
  void campaign.batch((batch) => batch.updateConfig('commerce', { note: null }, 'replace'));
  const currency: 'EUR' | 'USD' | undefined = document.commerce?.currency;
  void currency;
}

export function refused(campaign: Campaign, document: CampaignDocument): void {
  // @ts-expect-error no such field
  void campaign.update({ tittle: 'x' });
  // @ts-expect-error no such section
  void campaign.updateConfig('comerce', {});
  // @ts-expect-error no such currency
  void campaign.updateConfig('commerce', { currency: 'GBP' });
  // @ts-expect-error every commerce has a currency
  void campaign.updateConfig('commerce', { currency: null });
  // @ts-expect-error no such field to read
  void document.something_else;
}
