import { afterAll, afterEach, beforeAll, inject } from 'vitest';
import { connectBrowser } from '../../tools/browser.ts';
import type { Browser, BrowserContext, Page } from '../../tools/browser.ts';
import { startRealServer } from './real-server.ts';
import type { RealServer } from './real-server.ts';
import { skipTour } from './skip-tour.ts';

type PageOptions = NonNullable<Parameters<Browser['newContext']>[0]> & {
  /** Somebody who was never here: the tour is offered. */
  readonly isNew?: boolean;
};

/** A browser's tab, and what it complained of. */
export interface Tab {
  readonly page: Page;
  /** Errors on its console, and exceptions that nobody caught. */
  readonly errors: string[];
}

export interface Stage {
  readonly server: RealServer;
  /**
   * A tab of a browser profile of its own, closed after the test: of several tabs of one profile all but one are in the
   * background.
   */
  open(path?: string, options?: PageOptions): Promise<Tab>;
}

/** How long a tab waits for what a test asks of it, and for a page: ten at once on a loaded machine are slow. */
const TIMEOUT_MS = 60_000;

/**
 * Sets the scene for a test file: the built demo, served by a server of its own under these variables, in the run's
 * Chromium.
 */
export function useStage(environment: Readonly<Record<string, string>> = {}): Stage {
  let server: RealServer;
  let browser: Browser;
  const profiles: BrowserContext[] = [];

  beforeAll(async () => {
    [server, browser] = await Promise.all([
      startRealServer(environment, inject('firstStart')),
      connectBrowser(inject('browser')),
    ]);
  });
  afterEach(async () => {
    await Promise.all(profiles.splice(0).map((profile) => profile.close()));
  });
  afterAll(async () => {
    await Promise.all([browser?.close(), server?.stop()]);
  });

  return {
    get server() {
      return server;
    },
    async open(path = '/', { isNew = false, ...options } = {}) {
      const profile = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
      profiles.push(profile);
      if (!isNew) await skipTour(profile);
      profile.setDefaultTimeout(TIMEOUT_MS);
      const page = await profile.newPage();
      const errors: string[] = [];
      page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
      page.on('pageerror', (error) => errors.push(error.message));
      await page.goto(new URL(path, server.url).href);
      return { page, errors };
    },
  };
}
