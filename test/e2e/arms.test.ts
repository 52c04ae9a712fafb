import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createElement } from 'react';
import { renderToString } from 'react-dom/server';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { createCampaignClient, prefetchCampaign, type CampaignClient, type Viewer } from '@campaign-state/client';
import { openTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import type { Page } from '../tools/browser.ts';
import { ArmsPage } from './arms-page/page.tsx';
import { eventually } from './support/eventually.ts';
import { useStage } from './support/stage.ts';

declare global {
  interface Window {
    /** Every heading that stood on the page, in the order in which they came. */
    headings: string[];
  }
}

const stage = useStage();
const campaignId = 'ovasabi_website';
const DEVICE: Viewer = { attributes: { deviceId: 'd-1' } };
let wire: TcpProxy;
let editor: CampaignClient;
let pages: Server;
let site: string;
/** For whom the page is rendered; for nobody only its shell is sent. */
let viewer: Viewer | undefined = DEVICE;

beforeAll(async () => {
  wire = await openTcpProxy(Number(new URL(stage.server.url).port));
  editor = createCampaignClient({ url: stage.server.url });
  pages = await serve();
  const address = pages.address();
  site = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
  const banner = (text: string) => ({ weight: 1, change: { merge: { ui_content: { banner: text } } } });
  await editor.trpc.campaign.updateRule.mutate({
    campaignId,
    key: 'greeting',
    rule: {
      order: 1,
      status: 'running',
      unit: 'userId',
      fallbackUnit: 'deviceId',
      coverage: 1,
      // Many arms, so that the user's own is not that of the device.
      arms: Object.fromEntries(['a', 'b', 'c', 'd', 'e', 'f'].map((name) => [name, banner(`Arm ${name}`)])),
    },
  });
});
afterAll(async () => {
  editor?.close();
  pages?.close();
  await wire?.close();
});

/** Serves the pages of the tests, with the one page rendered for that viewer. */
async function serve(): Promise<Server> {
  const pages = inject('pages');
  const server = createServer((request, response) => {
    const path = request.url ?? '/';
    void (async () => {
      const built = await fetch(new URL(path, pages));
      const type = built.headers.get('content-type') ?? 'text/plain';
      const body = Buffer.from(await built.arrayBuffer());
      const isPage = path.startsWith('/arms-page/?');
      response.setHeader('content-type', type);
      response.end(isPage && viewer ? await rendered(body.toString(), viewer) : body);
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** Notes each heading as the page has it after each change; runs before anything of the page does. */
function watchHeadings(): void {
  window.headings = [];
  let last: string | undefined;
  new MutationObserver(() => {
    const heading = document.querySelector('h1')?.textContent ?? (last === undefined ? undefined : 'none');
    if (heading === undefined || heading === last) return;
    last = heading;
    window.headings.push(heading);
  }).observe(document, { childList: true, subtree: true, characterData: true });
}

/** The page's HTML as a server renders it for that viewer, into the shell that was built. */
async function rendered(shell: string, viewer: Viewer): Promise<string> {
  const seed = await prefetchCampaign(editor, campaignId, { viewer });
  const client = createCampaignClient({ url: stage.server.url, viewer, seeds: [seed] });
  const html = renderToString(createElement(ArmsPage, { client, logIn: () => undefined }));
  client.close();
  const json = JSON.stringify(seed).replaceAll('<', '\\u003c');
  return shell.replace(
    '<div id="root"></div>',
    `<div id="root">${html}</div><script type="application/json" id="seed">${json}</script>`,
  );
}

/** The names of the campaigns that the browser has written down, each with the viewer for whom it was. */
function keysOfSeen(): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open('campaign-state-seen');
    opening.onerror = () => reject(new Error('IndexedDB cannot be opened'));
    opening.onsuccess = () => {
      const reading = opening.result.transaction('kept').objectStore('kept').getAllKeys();
      reading.onsuccess = () => {
        opening.result.close();
        resolve(reading.result.map(String));
      };
    };
  });
}

const headings = (page: Page) => page.evaluate(() => window.headings);

it('T346 in a real browser no arm is swapped: not at first paint, by hydration, a reload, a login, or a reload offline', async () => {
  const { page, errors } = await stage.open('about:blank');
  await page.addInitScript(watchHeadings);
  const { assignments } = await editor.trpc.campaign.get.query({ campaignId, viewer: DEVICE });
  const arm = assignments?.['greeting']?.arm ?? '';
  const alone = await editor.trpc.campaign.get.query({ campaignId, viewer: { attributes: { userId: 'u-2' } } });
  expect(alone.assignments?.['greeting']?.arm).not.toBe(arm);
  const only = [`Arm ${arm} (${arm})`];
  const status = () => page.locator('output').innerText();

  await page.goto(`${site}/arms-page/?server=${wire.url}`);
  await eventually(status).toBe('connected settled live');
  expect(await headings(page)).toEqual(only);
  await page.reload();
  await eventually(status).toBe('connected settled live');
  expect(await headings(page)).toEqual(only);

  await page.getByRole('button', { name: 'Log in' }).click();
  await eventually(status).toBe('connected settled live');
  viewer = { attributes: { deviceId: 'd-1', userId: 'u-2' } };
  await page.reload();
  await eventually(status).toBe('connected settled live');
  expect(await headings(page)).toEqual(only);
  expect(errors).toEqual([]);

  // Kept on the device for that viewer; of the page only the shell is left.
  await eventually(async () => (await page.evaluate(keysOfSeen)).join('\n')).toContain('u-2');
  viewer = undefined;
  wire.sever();
  await page.reload();
  await eventually(() => page.getByRole('heading').innerText()).toBe(only[0]);
  wire.restore();
  await eventually(status).toBe('connected settled live');
  expect(await headings(page)).toEqual(only);
});
