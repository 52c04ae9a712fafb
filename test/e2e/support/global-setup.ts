import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { serveBrowser } from '../../tools/browser.ts';
import { buildDemo } from './build-demo.ts';
import { servePages } from './pages.ts';
import { startRealServer } from './real-server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The endpoint of a browser for this run; every test opens profiles of its own in it. */
    browser: string;
    /** A data folder after its first start, to be copied. */
    firstStart: string;
    /** Where the small pages are. */
    pages: string;
  }
}

/** Vitest `globalSetup`: what all test files share because none can leave a trace in it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'campaign-state-e2e-'));
  const firstStart = join(folder, 'data');
  const [browser, pages] = await Promise.all([
    serveBrowser(),
    servePages(join(folder, 'pages')),
    buildDemo(),
    startOnce(firstStart),
  ]);
  project.provide('browser', browser.wsEndpoint());
  project.provide('firstStart', firstStart);
  project.provide('pages', pages.url);
  return async () => {
    await Promise.all([browser.close(), pages.close()]);
    await rm(folder, { recursive: true, force: true });
  };
}

async function startOnce(dataDir: string): Promise<void> {
  const server = await startRealServer({ DATA_DIR: dataDir });
  await server.stop();
}
