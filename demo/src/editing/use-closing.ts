import { useState } from 'react';

/** What is typed in. */
const TYPED_IN = '#editor :is(textarea, input:not([type="radio"], [type="checkbox"], [type="range"], [type="color"]))';

/**
 * Whether fields are closed that somebody else closes. Who is typing in one keeps it until they leave it: a field that
 * is closed loses the focus, and what is typed next goes nowhere.
 */
export function useClosing(isClosed: boolean): { readonly isClosed: boolean; readonly onBlur: () => void } {
  const [known, setKnown] = useState(isClosed);
  const [isTypedIn, setTypedIn] = useState(false);
  if (known !== isClosed) {
    setKnown(isClosed);
    setTypedIn(isClosed && document.activeElement?.matches(TYPED_IN) === true);
  }
  return { isClosed: isClosed && !isTypedIn, onBlur: () => setTypedIn(false) };
}
