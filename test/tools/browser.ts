import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';
import type { Browser, BrowserServer } from 'playwright-core';
import { findOrInstall } from '../../start/services/system-package.ts';

export type { Browser, BrowserContext, Locator, Page } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/** Quiet, without a sandbox (containers run as root) and without calls home. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Pages of other origins than this machine's, which it serves all the same.
  '--host-resolver-rules=MAP *.example.com 127.0.0.1',
];

/**
 * Starts a headless Chromium. Looks for one on PATH; where there is none and apt can be used, installs Debian's, and
 * says so first.
 *
 * @throws Error in one sentence where no browser can be had
 */
export async function launchBrowser(): Promise<Browser> {
  return chromium.launch(options());
}

/**
 * The same for several processes at once: each connects to its `wsEndpoint()`, and what one opens the others do not
 * see.
 *
 * @throws Error in one sentence where no browser can be had
 */
export async function serveBrowser(): Promise<BrowserServer> {
  return chromium.launchServer(options());
}

/** Closing what this returns closes what was opened through it, not the browser. */
export async function connectBrowser(endpoint: string): Promise<Browser> {
  return chromium.connect(endpoint);
}

function options() {
  return { executablePath: browserPath(), args: FLAGS };
}

function findBrowser(): string | undefined {
  for (const name of NAMES) {
    for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
      const path = join(folder, name);
      if (folder !== '' && isExecutable(path)) return path;
    }
  }
  return undefined;
}

/** Chromium's command; where there is none and apt can be used, Debian's is installed first. */
function browserPath(): string {
  const why = 'The browser tests need Chromium, of about 300 MB';
  const path = findOrInstall({ name: 'chromium', why, find: findBrowser });
  if (path !== undefined) return path;
  throw new Error(
    `The browser tests need Chromium: none of ${NAMES.join(', ')} is on PATH. On Debian, root's \`apt-get install chromium\` brings it; where that was tried, its message stands above.`,
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
