/**
 * State of one field while somebody edits it. The document may change at any moment, by this person's own edits coming
 * back or by somebody else's. What was typed is never overwritten, and nobody is overwritten unknowingly.
 *
 * The SDK's `onConflict` compares pending edits. A field also holds values that are no edit: not sent yet, incomplete,
 * or refused. So conflicts are found here, by comparing values.
 */
export interface Draft<T> {
  /**
   * What the document says without the edits that are on their way; going back to it, as after a refusal, is nobody's
   * change.
   */
  readonly base: T;
  /** What was typed here and is not yet settled; absent while the field simply shows the document. */
  readonly typed?: { readonly value: T };
  /** Values sent and not yet answered; the document may show any of them. */
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
  /** What was typed is dropped, and the document shown again. */
  | { type: 'give-up' }
  | { type: 'keep-mine' };

export function untouched<T>(value: T): Draft<T> {
  return { base: value, sent: [] };
}

/** @param isSame when two values say the same: 007 is 7 */
export function reduceDraft<T>(
  draft: Draft<T>,
  event: DraftEvent<T>,
  isSame: (a: T, b: T) => boolean = Object.is,
): Draft<T> {
  switch (event.type) {
    case 'typed':
      return { ...draft, typed: { value: event.value } };
    case 'sent':
      return { ...draft, sent: [...draft.sent, event.value] };
    case 'accepted': {
      const sent = without(draft.sent, event.value);
      // What somebody else wrote, and was shown already, came after this.
      const base = draft.theirs ? draft.theirs.value : event.value;
      const isSettled = sent.length === 0 && draft.typed !== undefined && isSame(draft.typed.value, event.value);
      return isSettled ? { base, sent } : { ...draft, base, sent };
    }
    case 'refused':
      return { ...draft, sent: without(draft.sent, event.value) };
    case 'document': {
      const { value } = event;
      if (isSame(value, draft.base) || draft.sent.some((own) => isSame(own, value))) return draft;
      const { typed, sent } = draft;
      if (typed === undefined || isSame(typed.value, value)) return { base: value, sent };
      return { base: value, typed, sent, theirs: { value } };
    }
    case 'give-up':
      return { base: draft.base, sent: draft.sent };
    case 'keep-mine':
      return { base: draft.base, sent: draft.sent, ...(draft.typed && { typed: draft.typed }) };
  }
}

function without<T>(values: readonly T[], value: T): readonly T[] {
  const index = values.findIndex((candidate) => Object.is(candidate, value));
  return index < 0 ? values : values.toSpliced(index, 1);
}
