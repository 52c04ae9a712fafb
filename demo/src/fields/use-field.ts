import { useEffect, useRef, useState } from 'react';
import { CampaignError, type CampaignUpdates } from '@campaign-state/client';
import { useConflicts, usePacedUpdate } from '@campaign-state/client/react';
import { text as textOf } from '../audience/read.ts';
import { useMeasured } from '../measure/use-measured.ts';
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
  /** To be called when the person leaves the field: what is held is sent now, what cannot be sent is dropped. */
  readonly leave: () => void;
  readonly conflict: FieldConflict | undefined;
  /** Why the newest value that was sent was refused. */
  readonly error: Error | undefined;
}

export interface FieldOptions {
  /** Whether a value may be sent; half a colour or no number at all is only shown here. Default: every value. */
  readonly isComplete?: (value: string) => boolean;
  /** When two values say the same. Default: when they are the same text. */
  readonly isSame?: (a: string, b: string) => boolean;
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
  readonly error?: Error;
}

const always = () => true;

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
  const { isComplete = always, isSame = Object.is, write = textOf } = options;
  const { updateCampaign, flush } = usePacedUpdate({
    wait: 300,
    mode: 'throttle',
    leading: true,
    onConflict: 'ask',
  });
  const { conflicts, overwritten, resolve, dismiss } = useConflicts();
  const measure = useMeasured();
  const [typed, setTyped] = useState<Typed>();
  /** The edits on their way, oldest first, and what the document said before each. */
  const edits = useRef(new Map<string, { readonly text: string; readonly base: string }>());
  const isShown = useRef(false);
  useEffect(() => {
    isShown.current = true;
    return () => void (isShown.current = false);
  }, []);

  function send(text: string): void {
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
    // What was typed on top of it leads back to what was there before.
    for (const [id, edit] of edits.current)
      if (edit.base === refused.text) edits.current.set(id, { ...edit, base: refused.base });
    const wasGivenUp = error instanceof CampaignError && error.reason === 'CONFLICT';
    if (edits.current.size === 0) setTyped(wasGivenUp ? undefined : { ...refused, error });
  }

  // Both have come to write the same.
  const isUnsent = typed?.base !== undefined;
  const isAgreed = isUnsent && value !== typed.base && isSame(value, typed.text);
  if (isAgreed) setTyped({ text: typed.text });

  const place = path.join('\0');
  const found = [...conflicts, ...overwritten].find((conflict) => conflict.path.join('\0') === place);
  const isChanged = isUnsent && !isAgreed && !isSame(value, typed.base);

  function conflict(): FieldConflict | undefined {
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
      if (typed && isChanged) setTyped({ ...typed, text: next });
      else if (isComplete(next)) send(next);
      else setTyped({ text: next, base: typed?.base ?? value });
    },
    leave() {
      flush();
      if (isUnsent && !isComplete(typed.text)) setTyped(undefined);
    },
    error: typed?.error,
    conflict: conflict(),
  };
}
