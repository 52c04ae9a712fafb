import type { CampaignUpdates } from '@campaign-state/client';
import { createDrafts } from '../drafts.ts';

/** Words that were typed in a field, and not sent: their campaign was archived, or deleted, meanwhile. */
export interface HeldWords {
  readonly text: string;
  /** What the document said there before. */
  readonly base: string;
  /** The edit that says them. */
  readonly updates: (text: string) => CampaignUpdates;
}

/** By campaign, and by the field's place in the document, as JSON. */
export const { useDraft: useHeldWords, useNames: useHeldPlaces } = createDrafts<HeldWords>();
