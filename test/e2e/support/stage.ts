import { afterAll, afterEach, beforeAll, inject } from 'vitest';
import { connectBrowser } from '../../tools/browser.ts';
import type { Browser, BrowserContext, Page } from '../../tools/browser.ts';
import { startRealServer } from './real-server.ts';
import type { RealServer } from './real-server.ts';

type PageOptions = NonNullable<Parameters<Browser['newContext']>[0]>;

/** A browser's tab, and what it complained of. */
export interface Tab {
  readonly page: Page;
  /** Errors on its console, and exceptions that nobody caught. */
  readonly errors: string[];
}

export interface Stage {
  readonly server: RealServer;
  /** A tab of the test's browser profile, or, with options, of a profile of its own; closed after the test. */
  open(path?: string, options?: PageOptions): Promise<Tab>;
}

/** How long a tab waits for what a test asks of it. */
const PATIENCE_MS = 15_000;

/** Sets the scene for a test file: the built demo, served by a server of its own under these variables, in the run's Chromium. */
export function useStage(environment: Readonly<Record<string, string>> = {}): Stage {
  let server: RealServer;
  let browser: Browser;
  const profiles: Promise<BrowserContext>[] = [];
  let common: Promise<BrowserContext> | undefined;

  async function newProfile(options: PageOptions = {}): Promise<BrowserContext> {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
    context.setDefaultTimeout(PATIENCE_MS);
    return context;
  }

  function profile(options?: PageOptions): Promise<BrowserContext> {
    const made = newProfile(options);
    profiles.push(made);
    return made;
  }

  beforeAll(async () => {
    [server, browser] = await Promise.all([startRealServer(environment, inject('firstStart')), connectBrowser(inject('browser'))]);
  });
  afterEach(async () => {
    common = undefined;
    await Promise.all(profiles.splice(0).map(async (context) => (await context).close()));
  });
  afterAll(async () => {
    await Promise.all([browser?.close(), server?.stop()]);
  });

  return {
    get server() {
      return server;
    },
    async open(path = '/', options) {
      const context = await (options ? profile(options) : (common ??= profile()));
      const page = await context.newPage();
      const errors: string[] = [];
      page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
      page.on('pageerror', (error) => errors.push(error.message));
      await page.goto(new URL(path, server.url).href);
      return { page, errors };
    },
  };
}
