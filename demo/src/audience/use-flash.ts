import { useEffect, useRef } from 'react';
import type { RefObject } from 'react';

const calm = () => matchMedia('(prefers-reduced-motion: reduce)').matches;

/**
 * Marks an element for a moment whenever its value changes, so that the eye finds what somebody else has just edited.
 */
export function useFlash<E extends HTMLElement>(value: unknown): RefObject<E | null> {
  const element = useRef<E>(null);
  const seen = useRef(value);
  useEffect(() => {
    if (Object.is(seen.current, value)) return;
    seen.current = value;
    if (calm()) return;
    // Of opacity alone, which the compositor animates: a colour would keep the main thread drawing for as long as it
    // fades.
    element.current?.animate({ opacity: [0.32, 0] }, { pseudoElement: '::before', duration: 900, easing: 'ease-out' });
  }, [value]);
  return element;
}
