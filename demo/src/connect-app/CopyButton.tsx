import { useEffect, useState } from 'react';

/** How long it says so, in milliseconds. */
const SAID_MS = 2_000;

/** Puts a text on the clipboard, and says whether it is there. */
export function CopyButton({ of, text }: { of: string; text: string }) {
  const [outcome, setOutcome] = useState<'copied' | 'failed'>();
  useEffect(() => {
    if (outcome === undefined) return undefined;
    const timer = setTimeout(() => setOutcome(undefined), SAID_MS);
    return () => clearTimeout(timer);
  }, [outcome]);
  return (
    <>
      <button
        type="button"
        className="small"
        onClick={() =>
          // Missing on pages that came by http from elsewhere.
          void Promise.resolve(navigator.clipboard?.writeText(text) ?? Promise.reject(new Error('no clipboard'))).then(
            () => setOutcome('copied'),
            () => setOutcome('failed'),
          )
        }
      >
        {outcome === 'copied' ? 'Copied' : 'Copy'}
        <span className="visually-hidden"> {of}</span>
      </button>
      {outcome === 'failed' && (
        <span className="field-error" role="alert">
          Select it, and copy it by hand.
        </span>
      )}
    </>
  );
}
