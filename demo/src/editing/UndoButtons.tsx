import { useEffect, useEffectEvent } from 'react';
import { useUndo } from '@campaign-state/client/react';

/**
 * Takes back, and makes again, what was edited in this console; what others did stays. The keys work wherever no text
 * is being typed.
 */
export function UndoButtons() {
  const { undo, redo, canUndo, canRedo } = useUndo();
  const onKeyDown = useEffectEvent((event: KeyboardEvent) => {
    if (
      event.key.toLowerCase() !== 'z' ||
      !(event.ctrlKey || event.metaKey) ||
      event.altKey ||
      hasItsOwnUndo(event.target)
    )
      return;
    event.preventDefault();
    if (event.shiftKey) redo();
    else undo();
  });
  useEffect(() => {
    const listen = (event: KeyboardEvent) => onKeyDown(event);
    addEventListener('keydown', listen);
    return () => removeEventListener('keydown', listen);
  }, []);
  return (
    <span className="undo">
      <button type="button" className="small" disabled={!canUndo} aria-keyshortcuts="Control+Z Meta+Z" onClick={undo}>
        Undo
      </button>
      <button
        type="button"
        className="small"
        disabled={!canRedo}
        aria-keyshortcuts="Control+Shift+Z Meta+Shift+Z"
        onClick={redo}
      >
        Redo
      </button>
    </span>
  );
}

function hasItsOwnUndo(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLTextAreaElement ||
    (target instanceof HTMLInputElement && !['radio', 'range', 'color', 'checkbox'].includes(target.type))
  );
}
