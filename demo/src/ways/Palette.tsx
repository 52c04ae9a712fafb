import { useEffect, useRef, useState } from 'react';
import { lazyPart } from '../status/lazy-part.tsx';
import { useKeys } from './use-keys.ts';

const PaletteList = lazyPart('The list of what to go to', async () => (await import('./PaletteList.tsx')).PaletteList);

/** Everything one can go to or do, found by typing. */
export function Palette() {
  const dialog = useRef<HTMLDialogElement>(null);
  const [isOpen, setOpen] = useState(false);
  useKeys(() => setOpen(true));
  useEffect(() => {
    if (isOpen && dialog.current?.open === false) dialog.current.showModal();
  }, [isOpen]);
  const close = () => dialog.current?.close();
  return (
    <>
      <button
        type="button"
        className="small palette-button"
        aria-keyshortcuts="Control+K Meta+K"
        onClick={() => setOpen(true)}
      >
        Go to… <kbd>{isApple() ? '⌘K' : 'Ctrl K'}</kbd>
      </button>
      <dialog
        ref={dialog}
        className="palette"
        tabIndex={-1}
        aria-label="Go to, or do"
        onClose={() => setOpen(false)}
        onClick={(event) => event.target === dialog.current && close()}
      >
        {isOpen && <PaletteList close={close} />}
      </dialog>
    </>
  );
}

function isApple(): boolean {
  return /Mac|iPhone|iPad/.test(navigator.userAgent);
}
