/**
 * One field under somebody's hands. The document may change at any moment, by this person's own edits coming back or by somebody
 * else's. What was typed is never overwritten, and nobody is overwritten unknowingly.
 */
export interface Draft<T> {
  /** What was typed here and is not yet settled; absent while the field simply shows the document. */
  readonly typed?: { readonly value: T };
  /** Values sent and not yet answered; the document may show any of them on its way. */
  readonly sent: readonly T[];
  /** Somebody else's value that arrived over something typed here: nothing is sent until the person has chosen. */
  readonly theirs?: { readonly value: T };
}

export type DraftEvent<T> =
  | { type: 'typed'; value: T }
  | { type: 'sent'; value: T }
  | { type: 'accepted'; value: T }
  | { type: 'refused'; value: T }
  | { type: 'document'; value: T }
  | { type: 'take-theirs' }
  | { type: 'keep-mine' };

export const UNTOUCHED: Draft<never> = { sent: [] };

export function reduceDraft<T>(draft: Draft<T>, event: DraftEvent<T>): Draft<T> {
  switch (event.type) {
    case 'typed':
      return { ...draft, typed: { value: event.value } };
    case 'sent':
      return { ...draft, sent: [...draft.sent, event.value] };
    case 'accepted': {
      const { typed, theirs } = draft;
      const sent = without(draft.sent, event.value);
      const settled = sent.length === 0 && theirs === undefined && typed !== undefined && Object.is(typed.value, event.value);
      return settled ? { sent } : { ...draft, sent };
    }
    case 'refused': {
      // The view went back to what was there before: that is nobody's change.
      const sent = without(draft.sent, event.value);
      return draft.typed === undefined ? { sent } : { typed: draft.typed, sent };
    }
    case 'document': {
      if (draft.typed === undefined || draft.sent.some((value) => Object.is(value, event.value))) return draft;
      const { typed, sent } = draft;
      return Object.is(typed.value, event.value) ? { sent } : { typed, sent, theirs: { value: event.value } };
    }
    case 'take-theirs':
      return { sent: draft.sent };
    case 'keep-mine':
      return draft.typed === undefined ? { sent: draft.sent } : { typed: draft.typed, sent: draft.sent };
  }
}

function without<T>(values: readonly T[], value: T): readonly T[] {
  const index = values.findIndex((candidate) => Object.is(candidate, value));
  return index < 0 ? values : values.toSpliced(index, 1);
}
