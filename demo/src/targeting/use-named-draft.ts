import { useEffect, useRef, useState } from 'react';
import { useCampaignSnapshot } from '@campaign-state/client/react';
import type { NamedDraft, NamedDrafts } from './drafts.ts';

/** Something with a name that is edited by form: a rule, a segment, a group or a holdout. */
export interface EditedByName<T> {
  /** As it is edited; without a draft as it stands. */
  readonly value: T;
  readonly draft: NamedDraft<T> | undefined;
  /** Whether it is not there yet, or has changes that are not saved. */
  readonly isChanged: boolean;
  /** Somebody else has changed or removed it since the draft was begun. */
  readonly isStale: boolean;
  /** How often changes were thrown away here: the key of controls that keep what is not complete. */
  readonly discards: number;
  readonly edit: (next: T) => void;
  readonly save: () => void;
  /** Throws the changes away; what is not there yet goes with them. */
  readonly discard: () => void;
  /** Takes it out of the document, and its draft with it. */
  readonly remove: () => Promise<void>;
}

/** The draft of something with a name, on what stands in the document. Nobody is shown anything before it is saved. */
export function useNamedDraft<T extends object>({
  useDraft,
  name,
  stored,
  first,
  send,
  reset,
  removed,
}: {
  useDraft: NamedDrafts<T>['useDraft'];
  name: string;
  /** As it stands, as the form has it; `undefined` for what is not there yet. */
  stored: T | undefined;
  /** What a new one begins with. */
  first: T;
  /** Saves it, or with `null` removes it. What it rejects with is shown by whose call it is. */
  send: (value: T | null) => Promise<unknown>;
  /** Forgets why the last call was refused. */
  reset: () => void;
  removed: () => void;
}): EditedByName<T> {
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId) ?? '';
  const [draft, setDraft] = useDraft(campaignId, name);
  const [discards, setDiscards] = useState(0);
  const base = stored && JSON.stringify(stored);
  const baseNow = useRef(base);
  useEffect(() => {
    baseNow.current = base;
  }, [base]);
  const value = draft?.value ?? stored ?? first;

  /** What was edited while it was saved stays, on what is stored by then. */
  function onSaved(): void {
    setDraft((latest) =>
      latest === undefined || latest.value === value ? undefined : { ...latest, base: baseNow.current },
    );
  }

  return {
    value,
    draft,
    isChanged: draft !== undefined || stored === undefined,
    isStale: draft !== undefined && draft.base !== base,
    discards,
    edit: (next) => setDraft((latest) => ({ value: next, base: latest ? latest.base : base })),
    save: () => void send(value).then(onSaved, () => undefined),
    discard() {
      setDiscards((now) => now + 1);
      reset();
      setDraft(undefined);
      if (stored === undefined) removed();
    },
    async remove() {
      await send(null);
      setDraft(undefined);
      removed();
    },
  };
}
