import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { enterAs } from './support/enter-as.ts';
import { eventually } from './support/eventually.ts';
import { useStage } from './support/stage.ts';

const AUTH_SECRET = randomBytes(32).toString('hex');
const ADDRESS = '/audience.html?campaign=skerry_bay_lifeboat';
const stage = useStage();
const guarded = useStage({ AUTH_SECRET });

/** Runs in the page before anything else: what is missing by `http`, and where its visitor forbids storage. */
function withholdStorage(): void {
  Reflect.deleteProperty(Crypto.prototype, 'randomUUID');
  const forbidden = {
    get: (): never => {
      throw new DOMException('The visitor forbids it', 'SecurityError');
    },
  };
  for (const name of ['localStorage', 'sessionStorage', 'indexedDB', 'caches'])
    Object.defineProperty(window, name, forbidden);
  Object.defineProperty(window, 'BroadcastChannel', {
    value: function BroadcastChannel() {
      forbidden.get();
    },
  });
}

describe('the visitor of the page', () => {
  it('D136 what it decides about being counted in one tab holds in the others, and where that is removed, it is asked again', async () => {
    const { page: first, errors } = await stage.open(ADDRESS);
    const second = await first.context().newPage();
    await second.goto(first.url());
    const question = 'May this page count what you see and do?';
    for (const page of [first, second]) await page.getByText(question).waitFor();
    await first.getByRole('button', { name: 'Yes, count me' }).click();
    for (const page of [first, second]) await page.getByText('You are counted.').waitFor();
    await second.getByRole('button', { name: 'Stop that' }).click();
    for (const page of [second, first]) await page.getByText('You are not counted.').waitFor();
    await second.evaluate(() => localStorage.clear());
    await first.getByText(question).waitFor();
    expect(errors).toEqual([]);
  });

  it('D137 sees the page by plain http and where the browser forbids storage, may be counted, and shows its token', async () => {
    const [open, closed] = await Promise.all([stage.open('about:blank'), guarded.open('about:blank')]);
    for (const { page } of [open, closed]) await page.addInitScript(withholdStorage);
    await open.page.goto(new URL(ADDRESS, stage.server.url).href);
    await open.page.getByRole('heading', { level: 1 }).waitFor();
    await open.page.getByRole('button', { name: 'Yes, count me' }).click();
    await open.page.getByText('You are counted.').waitFor();
    await closed.page.goto(new URL('/audience.html', guarded.server.url).href);
    await enterAs(closed.page, { id: 'vera', name: 'Vera', role: 'viewer' }, AUTH_SECRET, 'page');
    await eventually(() => closed.page.getByRole('heading', { level: 1 }).innerText()).not.toBe('');
    expect([...open.errors, ...closed.errors]).toEqual([]);
    // The console, too.
    await open.page.goto(stage.server.url);
    await open.page.getByLabel('Title', { exact: true }).waitFor();
    expect(open.errors).toEqual([]);
  });
});
