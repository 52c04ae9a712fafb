import { useEffect } from 'react';
import type { RefObject } from 'react';

/** At the first sight of a page the focus belongs to its beginning. */
let isUsed = false;
for (const type of ['pointerdown', 'keydown'])
  addEventListener(type, () => (isUsed = true), { once: true, capture: true });

/** What had the focus last and all that held it then, inner first: what is gone can not be asked any more. */
let lastFocused: readonly EventTarget[] = [];
addEventListener('focusin', (event) => (lastFocused = event.composedPath()), { capture: true });

/** What is edited, the place of the focus where nothing is nearer. */
export const EDITOR: RefObject<HTMLElement | null> = {
  get current() {
    return document.getElementById('editor');
  },
};

/** The places that ask for a lost focus before the next frame. */
const asking = new Set<RefObject<HTMLElement | null>>();

/**
 * Gives the focus a place where what had it has gone, or was closed: after a campaign was opened, archived by anybody,
 * or restored. Wherever else it is, it stays. Of several places that ask in one frame, the nearest has it.
 */
export function useKeptFocus(element: RefObject<HTMLElement | null>, occasion: unknown): void {
  useEffect(() => {
    // Closed dialogs give the focus back first, and browsers take it from closed fields only then.
    if (asking.size === 0) requestAnimationFrame(placeFocus);
    asking.add(element);
  }, [element, occasion]);
}

function placeFocus(): void {
  const places = [...asking].flatMap(({ current }) => current ?? []);
  asking.clear();
  const active = document.activeElement;
  const isLost = active === null || active === document.body || active.matches(':disabled');
  if (!isLost || !isUsed) return;
  const [nearest] = places.toSorted((one, other) => distance(one) - distance(other));
  nearest?.focus({ preventScroll: true });
}

/** How far out of what had the focus one has to go to what holds this place, too. */
function distance(place: HTMLElement): number {
  const shared = lastFocused.findIndex((holder) => holder instanceof Node && holder.contains(place));
  return shared === -1 ? lastFocused.length : shared;
}
