import { useId, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';
import { flushSync } from 'react-dom';
import { sayRefusal, type Refused } from './say-refusal.ts';

/** A button that asks before it does what cannot simply be taken back. */
export function ConfirmButton({
  open,
  title,
  effect,
  go,
  busyLabel = go,
  run,
  opened,
  disabled = false,
  label,
  tabIndex = 0,
  canGo = true,
  children,
}: {
  /** The words of the button. */
  open: string;
  title: string;
  /** What it will do. */
  effect: string;
  go: string;
  /** In place of `go` while it is done. */
  busyLabel?: string;
  run: () => Promise<unknown>;
  /** It begins to ask. */
  opened?: () => void;
  disabled?: boolean;
  /** The name of the button, where its words alone do not say what it is for. */
  label?: string;
  tabIndex?: number;
  /** Whether what is asked for beside the question is there. */
  canGo?: boolean;
  /** What is asked for beside the question. */
  children?: ReactNode;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [state, setState] = useState<'idle' | 'busy' | { error: Refused }>('idle');
  const [isAsking, setAsking] = useState(false);
  const id = useId();
  const isBusy = state === 'busy';

  function confirm(): void {
    setState('busy');
    run().then(
      () => {
        setState('idle');
        dialog.current?.close();
      },
      (error: Error) => setState({ error }),
    );
  }

  /** As in a form, which it cannot be: it may stand in one. */
  function onKeyDown(event: KeyboardEvent): void {
    if (event.key !== 'Enter' || event.nativeEvent.isComposing || !(event.target instanceof HTMLInputElement)) return;
    event.preventDefault();
    if (!isBusy && canGo) confirm();
  }

  return (
    <>
      <button
        type="button"
        className="small"
        disabled={disabled}
        aria-label={label}
        tabIndex={tabIndex}
        onClick={() => {
          opened?.();
          // What is asked is there when the dialog looks for what gets the focus.
          flushSync(() => setAsking(true));
          dialog.current?.showModal();
        }}
      >
        {open}
      </button>
      <dialog
        ref={dialog}
        className="confirm"
        aria-labelledby={`${id}-title`}
        aria-describedby={`${id}-effect`}
        onClose={() => {
          setAsking(false);
          // What is on its way goes on, and is not done a second time meanwhile.
          setState((now) => (now === 'busy' ? now : 'idle'));
        }}
      >
        {isAsking && (
          <div className="confirm-question" onKeyDown={onKeyDown}>
            <h2 id={`${id}-title`}>{title}</h2>
            <p id={`${id}-effect`}>{effect}</p>
            {children}
            {typeof state === 'object' && (
              <p className="field-error" role="alert">
                {sayRefusal(state.error)}
              </p>
            )}
            <p className="confirm-buttons">
              <button type="button" onClick={() => dialog.current?.close()}>
                Cancel
              </button>
              <button type="button" className="primary" disabled={isBusy || !canGo} onClick={confirm}>
                {isBusy ? busyLabel : go}
              </button>
            </p>
          </div>
        )}
      </dialog>
    </>
  );
}
