import { useId, useRef, useState, type ReactNode } from 'react';
import { useCommand } from './commands.ts';

/** A button that opens a dialog; what is in it is there while it is open alone. */
export function DialogButton({
  words,
  buttonClass = 'small',
  title,
  dialogClass = '',
  command,
  children,
}: {
  /** The words of the button. */
  words: string;
  buttonClass?: string;
  title: string;
  dialogClass?: string;
  /** How the palette opens it; missing: it does not. */
  command?: { readonly name: string; readonly label: string };
  children: ReactNode;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [isOpen, setOpen] = useState(false);
  const id = useId();

  function open(): void {
    setOpen(true);
    dialog.current?.showModal();
  }

  useCommand(command !== undefined && { ...command, run: open });
  return (
    <>
      <button type="button" className={buttonClass} onClick={open}>
        {words}
      </button>
      <dialog
        ref={dialog}
        className={`comparison ${dialogClass}`.trim()}
        tabIndex={-1}
        aria-labelledby={`${id}-title`}
        onClose={() => setOpen(false)}
      >
        <div className="comparison-head">
          <h2 id={`${id}-title`}>{title}</h2>
          <button type="button" className="small" onClick={() => dialog.current?.close()}>
            Close
          </button>
        </div>
        {isOpen && children}
      </dialog>
    </>
  );
}
