import { useLayoutEffect, type RefObject } from 'react';

/** Where somebody looks at a page: at which of its blocks, and which share of that is above. */
interface LookedAt {
  readonly block: number;
  readonly share: number;
}

const BLOCKS = '.page > .poster, .page > .modules > *, .page > :not(.poster, .modules)';

/** Of each page. */
const places = new Map<string, LookedAt>();

/**
 * Keeps a page where one had scrolled: over another width of it, another version, another status, other pages between,
 * and live changes. The same block stays at the top, however high it is by then. The browser's own anchoring is off in
 * the frame: it knows nothing of these switches, and would answer them a second time.
 *
 * @param page names the page
 * @param occasion something else with every switch
 */
export function useKeptScroll(
  frame: RefObject<HTMLElement | null>,
  sheet: RefObject<HTMLElement | null>,
  page: string,
  occasion: string,
): void {
  useLayoutEffect(() => {
    const [scroller, drawn] = [frame.current, sheet.current];
    if (!scroller || !drawn) return undefined;
    /** Where the frame stands by what was done here, and how high the page was then. */
    let own: { readonly top: number | undefined; readonly height: number } | undefined;
    // The page may come later; what stands there meanwhile may be too short to scroll.
    const isThere = () => drawn.querySelector('.page') !== null;

    function restore(): void {
      if (!scroller || !isThere()) return;
      const place = places.get(page);
      if (place) show(scroller, place);
      else scroller.scrollTop = 0;
      own = { top: scroller.scrollTop, height: scroller.scrollHeight };
    }

    function note(): void {
      // That is no scrolling of somebody's; nor is what the browser does where the page has become shorter.
      if (!scroller || !isThere() || own?.top === scroller.scrollTop || own?.height !== scroller.scrollHeight) return;
      own = { ...own, top: undefined };
      const place = lookedAt(scroller);
      if (place) places.set(page, place);
    }

    restore();
    const observer = new ResizeObserver(restore);
    observer.observe(drawn);
    scroller.addEventListener('scroll', note, { passive: true });
    return () => {
      observer.disconnect();
      scroller.removeEventListener('scroll', note);
    };
  }, [frame, sheet, page, occasion]);
}

function lookedAt(scroller: HTMLElement): LookedAt | undefined {
  const { top } = scroller.getBoundingClientRect();
  const boxes = [...scroller.querySelectorAll(BLOCKS)].map((block) => block.getBoundingClientRect());
  const block = boxes.findIndex(({ bottom }) => bottom > top + 1);
  const box = boxes[block];
  return box && { block, share: (top - box.top) / box.height };
}

function show(scroller: HTMLElement, { block, share }: LookedAt): void {
  const blocks = scroller.querySelectorAll(BLOCKS);
  const box = blocks[Math.min(block, blocks.length - 1)]?.getBoundingClientRect();
  if (box) scroller.scrollTop += box.top + share * box.height - scroller.getBoundingClientRect().top;
}
