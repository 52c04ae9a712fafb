import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type ViteDevServer } from 'vite';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { launchBrowser, type Browser, type Page } from '../tools/browser.ts';
import { eventually } from './support/eventually.ts';
import { startRealServer, type RealServer } from './support/real-server.ts';

let site: ViteDevServer;
let server: RealServer;
let wire: TcpProxy;
let browser: Browser;
let cacheDir: string;

beforeAll(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'campaign-state-vite-'));
  site = await createServer({
    root: join(import.meta.dirname, 'offline-page'),
    configFile: false,
    cacheDir,
    logLevel: 'error',
    resolve: { conditions: ['source', 'module', 'browser', 'development|production'] },
    server: { host: '127.0.0.1', port: 0, hmr: false },
  });
  await site.listen();
  [server, browser] = await Promise.all([startRealServer({}), launchBrowser()]);
  wire = await openTcpProxy(Number(new URL(server.url).port));
});
afterAll(async () => {
  await browser?.close();
  await wire?.close();
  await server?.stop();
  await site?.close();
  await rm(cacheDir, { recursive: true, force: true });
});

/** A browser of its own, with what it keeps. */
async function person(serverUrl: string): Promise<{ page: Page; title: () => Promise<string>; features: () => Promise<string>; status: () => Promise<string> }> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${site.resolvedUrls?.local[0]}?server=${serverUrl}`);
  return {
    page,
    title: () => page.getByLabel('Title').inputValue(),
    features: () => page.getByRole('note').innerText(),
    status: () => page.getByRole('status').innerText(),
  };
}

async function addFeature(page: Page, name: string): Promise<void> {
  await page.getByLabel('Feature').fill(name);
  await page.getByLabel('Feature').press('Enter');
}

it('K18 one goes offline, both edit, the first reloads while offline and comes back: nothing is lost, nothing doubled, and saved is saved', async () => {
  const anna = await person(wire.url);
  const ben = await person(server.url);
  await eventually(anna.status).toBe('connected saved 0');
  await eventually(ben.status).toBe('connected saved 0');

  wire.sever();
  await eventually(anna.status).toBe('reconnecting saved 0');
  await addFeature(anna.page, 'from-anna');
  await anna.page.getByLabel('Title').fill('Anna, offline');
  await eventually(anna.status).toBe('reconnecting waiting 2');
  await addFeature(ben.page, 'from-ben');
  await eventually(ben.status).toBe('connected saved 0');

  await anna.page.reload();
  await eventually(anna.status).toMatch(/ing waiting 2$/);
  wire.restore();
  await eventually(anna.status).toBe('connected saved 0');
  // What is said to be saved outlives the hardest end.
  await server.kill();
  await server.startAgain();

  for (const { title, features, status } of [anna, ben]) {
    await eventually(status).toBe('connected saved 0');
    await eventually(title).toBe('Anna, offline');
    await eventually(features).toMatch(/from-ben from-anna$/);
  }
  expect((await anna.features()).match(/from-anna/g)).toHaveLength(1);
  expect(await anna.features()).toBe(await ben.features());
});
