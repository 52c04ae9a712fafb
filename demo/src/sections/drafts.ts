import { useSyncExternalStore } from 'react';
import type { JsonValue } from '@campaign-state/client';
import type { TextFault } from './json-text.ts';

/** A section that is being edited as text. Nobody else sees it before it is applied. */
export interface SectionDraft {
  readonly text: string;
  /** What the document said when the text was begun; `undefined`: it had no such section. */
  readonly base: JsonValue | undefined;
  readonly fault?: TextFault | undefined;
  readonly isSending?: boolean;
}

/**
 * Texts outlive the panel in which they are written, and the campaign that is open: whoever looks something up
 * elsewhere finds them again. Before the page goes with them, the browser asks.
 */
const drafts = new Map<string, SectionDraft>();
const listeners = new Set<() => void>();

const ask = (event: BeforeUnloadEvent) => event.preventDefault();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The draft of a section, and how to replace it; `undefined` drops it. */
export function useSectionDraft(
  campaignId: string,
  section: string,
): [SectionDraft | undefined, (draft: SectionDraft | undefined) => void] {
  const key = `${campaignId}/${section}`;
  const draft = useSyncExternalStore(subscribe, () => drafts.get(key));
  return [
    draft,
    (next) => {
      if (next) drafts.set(key, next);
      else drafts.delete(key);
      if (drafts.size > 0) addEventListener('beforeunload', ask);
      else removeEventListener('beforeunload', ask);
      listeners.forEach((call) => call());
    },
  ];
}
