import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { createCampaignClient, type CampaignClient } from '../../client-sdk/src/index.ts';
import { openTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import type { Page } from '../tools/browser.ts';
import { eventually } from './support/eventually.ts';
import { useStage } from './support/stage.ts';

const CAMPAIGN = 'ovasabi_website';
const stage = useStage();
let wire: TcpProxy;
let editor: CampaignClient;

beforeAll(async () => {
  wire = await openTcpProxy(Number(new URL(stage.server.url).port));
  editor = createCampaignClient({ url: stage.server.url });
  await editor.trpc.campaign.updateRule.mutate({
    campaignId: CAMPAIGN,
    key: 'offer',
    rule: {
      order: 50,
      status: 'running',
      unit: 'userId',
      fallbackUnit: 'deviceId',
      coverage: 1,
      arms: { now: { weight: 1, change: {} }, later: { weight: 1, change: { merge: { offer: { later: true } } } } },
      metrics: { leads: { goal: 'lead', type: 'conversion', better: 'up', role: 'goal' } },
    },
  });
});
afterAll(async () => {
  editor?.close();
  await wire?.close();
});

/** People, and how many of them have signed up, as the server counts them. */
async function counted(): Promise<string> {
  const { arms, metrics } = await editor.trpc.analytics.results.query({ campaignId: CAMPAIGN, rule: 'offer' });
  const people = arms.reduce((sum, { units }) => sum + units, 0);
  const leads = metrics['leads']?.arms ?? [];
  return `${people} seen, ${leads.reduce((sum, { conversions }) => sum + conversions, 0)} signed up`;
}

/** How many batches the browser has written down. */
function countKept(): Promise<number> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open('campaign-state-events');
    opening.onerror = () => reject(new Error('IndexedDB cannot be opened'));
    opening.onsuccess = () => {
      const counting = opening.result.transaction('kept').objectStore('kept').count();
      counting.onsuccess = () => {
        opening.result.close();
        resolve(counting.result);
      };
    };
  });
}

const press = async (page: Page, name: string): Promise<void> => {
  await page.getByRole('button', { name }).click();
};
const arm = (page: Page) => page.getByRole('note').innerText();

/** Sends what waits; what was said before has arrived then. */
async function send(page: Page): Promise<void> {
  await press(page, 'Send');
  await eventually(() => page.getByRole('status').innerText()).toBe('sent');
}

it('E46 in a real browser: two tabs, a reload and a login are one person, and what was done offline counts later, once', async () => {
  const address = `${inject('pages')}tracked-page/?server=${wire.url}`;
  const { page: first, errors } = await stage.open(address);
  await eventually(() => arm(first)).not.toBe('');
  const shown = await arm(first);
  await eventually(counted).toBe('1 seen, 0 signed up');

  const second = await first.context().newPage();
  await second.goto(address);
  await eventually(() => arm(second)).toBe(shown);
  await press(second, 'Log in');
  await second.reload();
  await eventually(() => arm(second)).toBe(shown);
  for (const page of [first, second]) await send(page);
  expect(await counted()).toBe('1 seen, 0 signed up');
  await second.close();
  expect(errors).toEqual([]);

  wire.sever();
  await press(first, 'Sign up');
  await eventually(() => first.evaluate(countKept)).toBe(1);
  await first.reload();
  wire.restore();
  await eventually(counted).toBe('1 seen, 1 signed up');
  await eventually(() => first.evaluate(countKept)).toBe(0);
});

/** Runs in the page: notes that another tab has told of the end, after whatever listens already. */
function listenForEnd(): void {
  const channel = new BroadcastChannel('campaign-state-events');
  channel.addEventListener('message', () => document.body.setAttribute('data-told', ''));
}

function hasHeardOfEnd(): boolean {
  return document.body.hasAttribute('data-told');
}

it.each(['Withdraw', 'Log out'])(
  'E62 in a real browser *%s* in one tab ends the tracking in the others, and what they have not sent',
  async (button) => {
    const address = `${inject('pages')}tracked-page/?server=${wire.url}`;
    const before = await counted();
    const { page: first, errors } = await stage.open(address);
    const second = await first.context().newPage();
    await second.goto(address);
    const third = await first.context().newPage();
    await third.goto(address);
    for (const page of [first, second, third]) await eventually(() => arm(page)).not.toBe('');
    for (const page of [first, second, third]) await send(page);
    await eventually(counted).not.toBe(before);
    const seen = await counted();
    expect(errors).toEqual([]);
    wire.sever();
    await press(second, 'Sign up');
    await eventually(() => first.evaluate(countKept)).toBe(1);
    // It is on its way, and waits for a connection.
    await press(second, 'Send');
    for (const page of [second, third]) await page.evaluate(listenForEnd);
    await press(first, button);
    await eventually(() => first.evaluate(countKept)).toBe(0);
    for (const page of [second, third]) await page.waitForFunction(hasHeardOfEnd);
    await press(third, 'Sign up');
    wire.restore();
    for (const page of [second, third]) {
      await press(page, 'Sign up');
      await send(page);
    }
    expect(await counted()).toBe(seen);
    expect(await first.evaluate(countKept)).toBe(0);
  },
);
