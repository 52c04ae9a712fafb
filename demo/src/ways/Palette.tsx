import { lazy, Suspense, useEffect, useRef, useState } from 'react';
import { useKeys } from './use-keys.ts';

const PaletteList = lazy(() => import('./PaletteList.tsx').then(({ PaletteList: list }) => ({ default: list })));

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
        aria-label="Go to, or do"
        onClose={() => setOpen(false)}
        onClick={(event) => event.target === dialog.current && close()}
      >
        {isOpen && (
          <Suspense fallback={<div className="skeleton" role="status" aria-label="Loading" />}>
            <PaletteList close={close} />
          </Suspense>
        )}
      </dialog>
    </>
  );
}

function isApple(): boolean {
  return /Mac|iPhone|iPad/.test(navigator.userAgent);
}
