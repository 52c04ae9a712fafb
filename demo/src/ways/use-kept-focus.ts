import { useEffect } from 'react';
import type { RefObject } from 'react';

/** At the first sight of a page the focus belongs to its beginning. */
let isUsed = false;
for (const type of ['pointerdown', 'keydown'])
  addEventListener(type, () => (isUsed = true), { once: true, capture: true });

/** What is edited, the place of the focus where nothing is nearer. */
export const EDITOR: RefObject<HTMLElement | null> = {
  get current() {
    return document.getElementById('editor');
  },
};

/**
 * Gives the focus a place where what had it has gone, or was closed: after a campaign was opened, archived by anybody,
 * or restored. Wherever else it is, it stays.
 */
export function useKeptFocus(element: RefObject<HTMLElement | null>, occasion: unknown): void {
  useEffect(() => {
    // Closed dialogs give the focus back first, and browsers take it from closed fields only then.
    const frame = requestAnimationFrame(() => {
      const active = document.activeElement;
      const isLost = active === null || active === document.body || active.matches(':disabled');
      if (isLost && isUsed) element.current?.focus({ preventScroll: true });
    });
    return () => cancelAnimationFrame(frame);
  }, [element, occasion]);
}
