import { useEffect, useLayoutEffect, useReducer, useRef, useState } from 'react';
import { useCampaignHandle } from '@campaign-state/client/react';
import type { Change } from '@campaign-state/client';
import { useMeasured } from '../measure/use-measured.ts';
import { reduceDraft, untouched } from './draft.ts';
import type { Draft, DraftEvent } from './draft.ts';
import { createPacer } from './pacer.ts';

/** Milliseconds between two mutations of one field while somebody types in it. */
const PACE = 300;

export interface Conflict {
  /** What somebody else wrote while something was typed here. */
  readonly theirs: string;
  readonly take: () => void;
  readonly keep: () => void;
}

export interface DraftField {
  readonly value: string;
  readonly change: (value: string) => void;
  /** To be called when the person leaves the field: what waits is sent now, what cannot be sent is dropped. */
  readonly leave: () => void;
  readonly conflict: Conflict | undefined;
  /** Why the newest value that was sent was refused. */
  readonly error: Error | undefined;
}

export interface DraftOptions {
  /** Whether a value may be sent; half a colour or no number at all is only shown here. Default: every value. */
  readonly isComplete?: (value: string) => boolean;
  /** When two values say the same. Default: when they are the same text. */
  readonly isSame?: (a: string, b: string) => boolean;
}

const always = () => true;

/**
 * One editable field of the document: what is typed is shown at once and sent in paced mutations; {@link reduceDraft}
 * says what happens when somebody else edits the same field.
 *
 * @param value what the document says
 * @param save makes the change
 */
export function useDraft(value: string, save: (value: string) => Change, options: DraftOptions = {}): DraftField {
  const { isComplete = always, isSame } = options;
  const reduce = (before: Draft<string>, event: DraftEvent<string>) => reduceDraft(before, event, isSame);
  const [draft, dispatch] = useReducer(reduce, value, untouched<string>);
  const [error, setError] = useState<Error>();
  const measure = useMeasured();
  const { dismiss } = useCampaignHandle();
  const isShown = useRef(false);

  function send(next: string, typedAt: number): void {
    setError(undefined);
    dispatch({ type: 'sent', value: next });
    const change = measure(save(next), typedAt);
    change.then(
      () => dispatch({ type: 'accepted', value: next }),
      (refusal: Error) => {
        dispatch({ type: 'refused', value: next });
        setError(refusal);
        // Said here, it need not stand above all fields too; where this field is gone, it must.
        if (isShown.current) dismiss(change.mutationId);
      },
    );
  }
  // The pacer outlives renders, and calls the newest `send`.
  const newest = useRef(send);
  useLayoutEffect(() => {
    newest.current = send;
  });
  const [pacer] = useState(() => createPacer<string>((next, typedAt) => newest.current(next, typedAt), PACE));

  useEffect(() => dispatch({ type: 'document', value }), [value]);

  // Nothing typed is left behind when the field goes away, or the page does.
  useEffect(() => {
    isShown.current = true;
    addEventListener('pagehide', pacer.flush);
    return () => {
      isShown.current = false;
      removeEventListener('pagehide', pacer.flush);
      pacer.flush();
    };
  }, [pacer]);

  const { theirs, typed } = draft;
  useEffect(() => {
    if (theirs) pacer.drop();
  }, [theirs, pacer]);

  return {
    value: typed ? typed.value : value,
    change(next) {
      dispatch({ type: 'typed', value: next });
      if (!theirs && isComplete(next)) pacer.push(next);
    },
    leave() {
      pacer.flush();
      if (typed && !isComplete(typed.value)) dispatch({ type: 'give-up' });
    },
    error,
    conflict: theirs && {
      theirs: theirs.value,
      take() {
        setError(undefined);
        dispatch({ type: 'give-up' });
      },
      keep() {
        dispatch({ type: 'keep-mine' });
        if (typed && isComplete(typed.value)) pacer.push(typed.value);
      },
    },
  };
}
