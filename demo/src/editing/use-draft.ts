import { useEffect, useLayoutEffect, useReducer, useRef, useState } from 'react';
import { useCampaignHandle } from '@campaign-state/client/react';
import type { Change } from '@campaign-state/client';
import { useMeasured } from '../measure/use-measured.ts';
import { reduceDraft, untouched } from './draft.ts';
import type { Draft, DraftEvent } from './draft.ts';
import { createPacer } from './pacer.ts';

/** Milliseconds between two mutations of one field while somebody types in it. */
const PACE = 300;

export interface Conflict<T> {
  /** What somebody else wrote while something was typed here. */
  readonly theirs: T;
  readonly take: () => void;
  readonly keep: () => void;
}

export interface DraftField<T> {
  readonly value: T;
  readonly change: (value: T) => void;
  /** To be called when the person leaves the field: what waits is sent now. */
  readonly leave: () => void;
  readonly conflict: Conflict<T> | undefined;
  readonly error: string | undefined;
}

/**
 * One editable field of the document: what is typed is shown at once and sent in paced mutations; {@link reduceDraft} says what
 * happens when somebody else edits the same field.
 *
 * @param value what the document says
 * @param save makes the change
 */
export function useDraft<T extends string | number>(value: T, save: (value: T) => Change): DraftField<T> {
  const [draft, dispatch] = useReducer<Draft<T>, T, [DraftEvent<T>]>(reduceDraft, value, untouched);
  const [error, setError] = useState<string>();
  const measure = useMeasured();
  const { dismiss } = useCampaignHandle();
  const isShown = useRef(false);

  function send(next: T, typedAt: number): void {
    setError(undefined);
    dispatch({ type: 'sent', value: next });
    const change = measure(save(next), typedAt);
    change.then(
      () => dispatch({ type: 'accepted', value: next }),
      (refusal: Error) => {
        dispatch({ type: 'refused', value: next });
        setError(refusal.message);
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
  const [pacer] = useState(() => createPacer<T>((next, typedAt) => newest.current(next, typedAt), PACE));

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
      if (!theirs) pacer.push(next);
    },
    leave: pacer.flush,
    error,
    conflict: theirs && {
      theirs: theirs.value,
      take() {
        setError(undefined);
        dispatch({ type: 'take-theirs' });
      },
      keep() {
        dispatch({ type: 'keep-mine' });
        if (typed) pacer.push(typed.value);
      },
    },
  };
}
