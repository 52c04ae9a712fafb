import type { JsonValue } from '@campaign-state/client';
import { createDrafts } from '../drafts.ts';
import type { TextFault } from './json-text.ts';

/** A section that is being edited as text. Nobody else sees it before it is applied. */
export interface SectionDraft {
  readonly text: string;
  /** What the document said when the text was begun; `undefined`: it had no such section. */
  readonly base: JsonValue | undefined;
  readonly fault?: TextFault | undefined;
  readonly isSending?: boolean;
}

export const { useDraft: useSectionDraft } = createDrafts<SectionDraft>();
