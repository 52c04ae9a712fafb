import type { Page } from '../../tools/browser.ts';

/** What the server tells a page, which can be held up on its way. */
export interface HoldableNews {
  /** From now on the page hears nothing; what it sends goes on. */
  hold(): void;
  /** What was held arrives, in order, and all that comes. */
  release(): void;
}

/** Comes between a page and its server; loads the page anew. */
export async function holdableNews(page: Page): Promise<HoldableNews> {
  let held: (() => void)[] | undefined;
  await page.routeWebSocket(/\/trpc/, (socket) => {
    socket.connectToServer().onMessage((message) => {
      const deliver = (): void => socket.send(message);
      if (held) held.push(deliver);
      else deliver();
    });
  });
  await page.reload();
  return {
    hold() {
      held ??= [];
    },
    release() {
      const waiting = held ?? [];
      held = undefined;
      for (const deliver of waiting) deliver();
    },
  };
}
