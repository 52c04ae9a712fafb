import { useEffect, useEffectEvent, useRef, useState, type CompositionEvent } from 'react';
import { CampaignError, type CampaignSnapshot, type CampaignUpdates } from '@campaign-state/client';
import { useCampaignClient, useCampaignSnapshot, useConflicts, usePacedUpdate } from '@campaign-state/client/react';
import { text as textOf } from '../audience/read.ts';
import { useMeasured } from '../measure/use-measured.ts';
import { useHeldWords } from './held-words.ts';
import { useLocalDocument, useLocalField } from './local-document.ts';

export interface FieldConflict {
  /** What somebody else wrote while something was typed here. */
  readonly theirs: string;
  readonly take: () => void;
  readonly keep: () => void;
}

export interface Field {
  readonly value: string;
  readonly change: (value: string) => void;
  /**
   * To be called when the person begins to compose words by an input method, and once they are composed. Until then
   * they are shown here alone, and what somebody else writes there waits.
   */
  readonly compose: (isComposing: boolean, value: string) => void;
  /** To be called when the person leaves the field: what is held is sent now, what cannot be sent is dropped. */
  readonly leave: () => void;
  readonly conflict: FieldConflict | undefined;
  /** Why the newest value was refused, or was not sent. */
  readonly error: Error | undefined;
}

export interface FieldOptions {
  /** Whether a value may be sent; half a colour or no number at all is only shown here. Default: every value. */
  readonly isComplete?: (value: string) => boolean;
  /** When two values say the same. Default: when they are the same text. */
  readonly isSame?: (a: string, b: string) => boolean;
  /** Whether what cannot be sent stays, with what is wrong, when the person leaves. Default: it is dropped. */
  readonly keepsUnsent?: boolean;
  /** A value of the document as the field writes it. Default: texts and numbers as they are. */
  readonly write?: (value: unknown) => string;
}

/** What the person has typed last. */
interface Typed {
  readonly text: string;
  /**
   * Where it is no edit, because it is half a value or was refused: what the document said when it was typed. Somebody
   * else's change is noticed by it; for edits, the SDK does.
   */
  readonly base?: string;
  /** Whether an input method is at it: half of its words are none. */
  readonly isComposing?: true;
  readonly error?: Error;
}

const always = () => true;

const NOT_SENT = new Error('Not sent, and kept: the campaign was archived meanwhile');

/** Whether nothing can be sent to a campaign: it was archived, or is not there any more. */
const isClosedNow = ({ archivedAt, status }: CampaignSnapshot): boolean =>
  archivedAt !== undefined || status === 'error';

/**
 * One editable field of the document: what is typed is shown at once and sent in paced updates. Nothing typed is ever
 * overwritten, and nobody is overwritten unknowingly: of two values for one place the person chooses.
 *
 * @param path its place in the document
 * @param value what the document says there, this person's edits included
 * @param updates the edit that gives the field another value
 */
export function useField(
  path: readonly string[],
  value: string,
  updates: (value: string) => CampaignUpdates,
  options: FieldOptions = {},
): Field {
  const document = useLocalDocument();
  const local = useLocalField(document, value, updates, options);
  const shared = useSharedField(path, value, updates, options);
  return document ? local : shared;
}

function useSharedField(
  path: readonly string[],
  value: string,
  updates: (value: string) => CampaignUpdates,
  options: FieldOptions,
): Field {
  const { isComplete = always, isSame = Object.is, keepsUnsent = false, write = textOf } = options;
  const { updateCampaign, flush } = usePacedUpdate({
    wait: 300,
    mode: 'throttle',
    leading: true,
    onConflict: 'ask',
  });
  const { conflicts, overwritten, resolve, dismiss } = useConflicts();
  const measure = useMeasured();
  const client = useCampaignClient();
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId) ?? '';
  const isClosed = useCampaignSnapshot(isClosedNow);
  const [held, hold] = useHeldWords(campaignId, JSON.stringify(path));
  const [typed, setTyped] = useState<Typed | undefined>(() => held && { text: held.text, base: held.base });
  /** The edits on their way, oldest first, and what the document said before each. */
  const edits = useRef(new Map<string, { readonly text: string; readonly base: string }>());
  const isShown = useRef(false);
  /** Keeps words that cannot be sent, beyond this field. */
  const keep = ({ text, base }: { readonly text: string; readonly base: string }): void => {
    if (!isSame(text, base)) hold({ text, base, updates });
  };
  const onGone = useEffectEvent(() => {
    if (typed?.base !== undefined && isClosedNow(client.campaign(campaignId).getSnapshot()))
      keep({ text: typed.text, base: typed.base });
  });
  useEffect(() => {
    isShown.current = true;
    return () => {
      isShown.current = false;
      onGone();
    };
  }, []);
  const onClosed = useEffectEvent(({ text, base }: Typed) => base !== undefined && keep({ text, base }));
  useEffect(() => {
    if (isClosed && typed) onClosed(typed);
  }, [isClosed, typed]);

  // They were sent, or dropped, from elsewhere.
  const [known, setKnown] = useState(held);
  if (held !== known) {
    setKnown(held);
    if (!held && known && typed?.text === known.text) setTyped(undefined);
  }

  function send(text: string): void {
    if (isClosed) return setTyped({ text, base: typed?.base ?? value });
    if (held) hold(undefined);
    setTyped({ text });
    const change = updateCampaign(updates(text));
    const { mutationId } = change;
    const known = edits.current.get(mutationId);
    edits.current.set(mutationId, { text, base: known?.base ?? value });
    if (known) return;
    measure(change).then(
      () => edits.current.delete(mutationId),
      (error: Error) => onRefused(mutationId, error),
    );
  }

  function onRefused(mutationId: string, error: Error): void {
    const refused = edits.current.get(mutationId);
    edits.current.delete(mutationId);
    // Said here, it need not stand above all fields too; where this field is gone, it must.
    if (isShown.current) dismiss(mutationId);
    if (!refused) return;
    if (!isShown.current && isClosedNow(client.campaign(campaignId).getSnapshot())) keep(refused);
    // What was typed on top of it leads back to what was there before.
    for (const [id, edit] of edits.current)
      if (edit.base === refused.text) edits.current.set(id, { ...edit, base: refused.base });
    const wasGivenUp = error instanceof CampaignError && error.reason === 'CONFLICT';
    if (edits.current.size === 0) setTyped(wasGivenUp ? undefined : { ...refused, error });
  }

  // Both have come to write the same.
  const isUnsent = typed?.base !== undefined;
  const isComposing = typed?.isComposing === true;
  const isAgreed = isUnsent && !isComposing && value !== typed.base && isSame(value, typed.text);
  if (isAgreed) setTyped({ text: typed.text });

  const place = path.join('\0');
  const found = [...conflicts, ...overwritten].find((conflict) => conflict.path.join('\0') === place);
  const isChanged = isUnsent && !isAgreed && !isSame(value, typed.base);

  function conflict(): FieldConflict | undefined {
    if (isComposing) return undefined;
    if (typed && isChanged)
      return {
        theirs: value,
        take: () => setTyped(undefined),
        keep: () => (isComplete(typed.text) ? send(typed.text) : setTyped({ ...typed, base: value })),
      };
    if (!found) return undefined;
    const { mutationId } = found;
    const theirs = write(found.theirs);
    const isKeptBack = conflicts.includes(found);
    return {
      theirs,
      take() {
        setTyped(undefined);
        if (isKeptBack) return resolve(mutationId, 'theirs');
        send(theirs);
        dismiss(mutationId);
      },
      keep: () => (isKeptBack ? resolve(mutationId, 'mine') : dismiss(mutationId)),
    };
  }

  return {
    // Another notation of what the document says stays as it was typed.
    value: typed && (isUnsent || isSame(typed.text, value)) ? typed.text : value,
    change(next) {
      if (typed && (isChanged || isComposing)) setTyped({ ...typed, text: next });
      else if (isComplete(next)) send(next);
      else setTyped({ text: next, base: typed?.base ?? value });
    },
    compose(isBeginning, next) {
      const base = typed?.base ?? value;
      if (isBeginning) setTyped({ text: next, base, isComposing: true });
      else if (!isComposing) return;
      else if (isSame(next, base)) setTyped(undefined);
      // Where somebody else has written there meanwhile, the person chooses.
      else if (isChanged || !isComplete(next)) setTyped({ text: next, base });
      else send(next);
    },
    leave() {
      flush();
      if (isUnsent && !isClosed && !keepsUnsent && !isComplete(typed.text)) setTyped(undefined);
    },
    error: isClosed && isUnsent && !isComposing ? NOT_SENT : typed?.error,
    conflict: conflict(),
  };
}

type ComposedText = CompositionEvent<HTMLInputElement | HTMLTextAreaElement>;

/** What tells a field of the words that an input method composes in its control, to be spread into that. */
export function composing({ compose }: Field) {
  return {
    onCompositionStart: (event: ComposedText) => compose(true, event.currentTarget.value),
    onCompositionEnd: (event: ComposedText) => compose(false, event.currentTarget.value),
  };
}
