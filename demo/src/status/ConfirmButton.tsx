import { useId, useRef, useState } from 'react';
import { sayRefusal } from './say-refusal.ts';

/** A button that asks before it does what cannot simply be taken back. */
export function ConfirmButton({
  open,
  title,
  effect,
  go,
  run,
  disabled = false,
}: {
  /** The words of the button. */
  open: string;
  title: string;
  /** What it will do. */
  effect: string;
  go: string;
  run: () => Promise<unknown>;
  disabled?: boolean;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [state, setState] = useState<'idle' | 'busy' | { error: Error }>('idle');
  const id = useId();

  function confirm(): void {
    setState('busy');
    run().then(
      () => dialog.current?.close(),
      (error: Error) => setState({ error }),
    );
  }

  return (
    <>
      <button type="button" className="small" disabled={disabled} onClick={() => dialog.current?.showModal()}>
        {open}
      </button>
      <dialog
        ref={dialog}
        className="confirm"
        aria-labelledby={`${id}-title`}
        aria-describedby={`${id}-effect`}
        onClose={() => setState('idle')}
      >
        <div>
          <h2 id={`${id}-title`}>{title}</h2>
          <p id={`${id}-effect`}>{effect}</p>
          {typeof state === 'object' && (
            <p className="field-error" role="alert">
              {sayRefusal(state.error)}
            </p>
          )}
          <p className="confirm-buttons">
            <button type="button" onClick={() => dialog.current?.close()}>
              Cancel
            </button>
            <button type="button" className="primary" disabled={state === 'busy'} onClick={confirm}>
              {go}
            </button>
          </p>
        </div>
      </dialog>
    </>
  );
}
