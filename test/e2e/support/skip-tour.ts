import type { BrowserContext } from '../../tools/browser.ts';

/** Somebody who has seen the tour, or left it: it is not offered again. */
export async function skipTour(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
    // A page without an origin, as about:blank, has no storage.
    if (origin !== 'null') localStorage.setItem('campaign-state-tour', 'seen');
  });
}
