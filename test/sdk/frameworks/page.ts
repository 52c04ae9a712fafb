import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { extname, join } from 'node:path';
import { createCampaignClient } from '../../../client-sdk/src/index.ts';
import type { Browser } from '../../tools/browser.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
};

/** Serves what a bundler has built, on a free port. */
export async function serveFolder(folder: string): Promise<{ url: string; close: () => void }> {
  const server = createServer((req, res) => {
    const path = new URL(req.url ?? '/', 'http://host').pathname;
    const file = path === '/' ? 'index.html' : path.slice(1);
    readFile(join(folder, file)).then(
      (content) =>
        res.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' }).end(content),
      () => res.writeHead(404).end(),
    );
  });
  return { url: `http://127.0.0.1:${await portOf(server)}/`, close: () => server.close() };
}

function portOf(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : 0);
    });
  });
}

/** How long a page may take to show something, in milliseconds. */
const PAGE_TIMEOUT_MS = 30_000;

/**
 * Uses a page whose field *Title* shows and edits the campaign `spring`, as all recipes' pages do: what somebody else
 * writes is shown, what is typed arrives, and nothing is complained of.
 *
 * @returns what was seen
 */
export async function useTitlePage(browser: Browser, pageUrl: string, serverUrl: string): Promise<string> {
  const profile = await browser.newContext();
  profile.setDefaultTimeout(PAGE_TIMEOUT_MS);
  const client = createCampaignClient({ url: serverUrl });
  const campaign = client.campaign('spring');
  const stop = campaign.subscribe(() => undefined);
  try {
    const page = await profile.newPage();
    const complaints: string[] = [];
    page.on(
      'console',
      (message) => message.type() === 'error' && complaints.push(`${message.text()} ${message.location().url}`),
    );
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(pageUrl);
    const field = page.getByLabel('Title');
    const shows = (text: string) =>
      page.waitForFunction((wanted) => document.querySelector('input')?.value === wanted, text);
    await campaign.update({ title: 'From elsewhere' });
    await shows('From elsewhere');
    await field.fill('Typed here');
    await field.blur();
    await until(() => campaign.getSnapshot().state.title === 'Typed here', 'what was typed did not arrive');
    await campaign.update({ title: 'Spring' });
    await shows('Spring');
    const wrong = complaints.filter((text) => !text.includes('favicon'));
    if (wrong.length > 0) throw new Error(`The page complained: ${wrong.join('\n')}`);
    return 'live, typed text arrived, no complaint';
  } finally {
    stop();
    client.close();
    await profile.close();
  }
}

/** Goes to another page by a link, without loading it anew; its field shows the title that the link names. */
export async function followLink(browser: Browser, pageUrl: string, title: string): Promise<void> {
  const profile = await browser.newContext();
  profile.setDefaultTimeout(PAGE_TIMEOUT_MS);
  try {
    const page = await profile.newPage();
    let sockets = 0;
    page.on('websocket', () => (sockets += 1));
    await page.goto(pageUrl);
    await page.waitForFunction(() => document.querySelector('input')?.value !== '');
    await page.getByRole('link', { name: title }).click();
    // Watched from the first moment on: a field that is empty first was rendered without its seed.
    const shown = await page.waitForFunction((before) => {
      const value = document.querySelector('input')?.value;
      return value === before ? false : (value ?? false);
    }, 'Spring');
    if ((await shown.jsonValue()) !== title) throw new Error(`The next page showed ${String(await shown.jsonValue())}`);
    if (sockets !== 1) throw new Error(`The two pages opened ${sockets} connections`);
  } finally {
    await profile.close();
  }
}

/** Waits until something is so. */
export async function until(check: () => boolean | Promise<boolean>, otherwise: string): Promise<void> {
  const deadline = Date.now() + PAGE_TIMEOUT_MS;
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error(otherwise);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
