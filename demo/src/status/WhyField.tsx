import { useId } from 'react';
import { FieldFrame } from '../fields/FieldFrame.tsx';

/** What the contract allows. */
const LONGEST_COMMENT = 500;

/** Asks why something is done, for the history. */
export function WhyField({
  why,
  change,
  longest = LONGEST_COMMENT,
}: {
  why: string;
  change: (why: string) => void;
  /** Characters that there is room for. */
  longest?: number;
}) {
  const id = useId();
  return (
    <FieldFrame id={id} label="Why, for the history (optional)">
      <input
        id={id}
        type="text"
        dir="auto"
        maxLength={longest}
        autoComplete="off"
        value={why}
        onChange={(event) => change(event.target.value)}
      />
    </FieldFrame>
  );
}

/** What was said of why, as options of a change: nothing where nothing was. */
export function commentOf(why: string): { readonly comment?: string } {
  const comment = why.trim();
  return comment === '' ? {} : { comment };
}
