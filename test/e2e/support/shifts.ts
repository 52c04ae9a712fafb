import type { Page } from '../../tools/browser.ts';

declare global {
  /** What has moved since the page came, without having been asked to, and the largest of these shifts. */
  var shifted: { largest: number; readonly what: string[] };
}

/** What the types of the DOM do not know. */
interface Moved {
  readonly node: Node | null;
  readonly previousRect: DOMRectReadOnly;
  readonly currentRect: DOMRectReadOnly;
}

/** Runs in the page, before anything of its own. */
function watchShifts(): void {
  const shifted = { largest: 0, what: [] as string[] };
  globalThis.shifted = shifted;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (!('value' in entry) || !('hadRecentInput' in entry) || entry.hadRecentInput === true) continue;
      shifted.largest = Math.max(shifted.largest, Number(entry.value));
      const sources: Moved[] = 'sources' in entry && Array.isArray(entry.sources) ? entry.sources : [];
      for (const { node, previousRect: from, currentRect: to } of sources)
        shifted.what.push(
          `${Number(entry.value).toFixed(4)} ${node?.nodeName} ${node?.textContent?.slice(0, 20)}: ${from.x},${from.y} ${from.width}×${from.height} → ${to.x},${to.y} ${to.width}×${to.height}`,
        );
    }
  }).observe({ type: 'layout-shift', buffered: true });
}

/** Begins to watch what moves by itself in a page, which is loaded anew. */
export async function observeShifts(page: Page): Promise<{ read: () => Promise<{ largest: number; what: string[] }> }> {
  await page.addInitScript(watchShifts);
  await page.reload();
  return { read: () => page.evaluate(() => globalThis.shifted) };
}
