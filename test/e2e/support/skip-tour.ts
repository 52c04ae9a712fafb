import type { BrowserContext } from '../../tools/browser.ts';

/** Somebody who has seen the tour, or left it: it is not offered again. */
export async function skipTour(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => localStorage.setItem('campaign-state-tour', 'seen'));
}
