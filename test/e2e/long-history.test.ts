import { createCampaignClient, type CampaignClient } from '@campaign-state/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Locator, Page } from '../tools/browser.ts';
import { consolePage } from './support/console-page.ts';
import { eventually } from './support/eventually.ts';
import { press } from './support/press.ts';
import { useStage } from './support/stage.ts';
import { withinRate } from './support/within-rate.ts';

const ID = 'long';
/** Each takes its time to be made: `LONG_HISTORY=10000` makes more of them. */
const VERSIONS = Number(process.env['LONG_HISTORY'] ?? 3_000);
/** The only one of its place. */
const RARE = 1_500;
const AT_ONCE = 50;

const stage = useStage();
let client: CampaignClient;

/** Every version is a row of its own: no two that follow each other are of the same place. */
function updatesOf(version: number) {
  if (version === RARE) return { owner_id: 'ada' };
  return version % 2 === 0 ? { title: `Title ${version}` } : { description: `Description ${version}` };
}

/** Makes versions in their order, as fast as the limit of mutations allows. */
async function edit(from: number, count: number): Promise<void> {
  const mutations = Array.from({ length: count }, (_, offset) => ({
    mutationId: `long-history-${from + offset}`,
    command: { type: 'update' as const, updates: updatesOf(from + offset) },
  }));
  await withinRate(() => client.trpc.campaign.push.mutate({ campaignId: ID, mutations }));
}

beforeAll(async () => {
  client = createCampaignClient({ url: stage.server.url });
  await client.trpc.campaign.create.mutate({ campaignId: ID, state: { slug: ID, title: 'Title 1' } });
  for (let version = 2; version <= VERSIONS; version += AT_ONCE)
    await edit(version, Math.min(AT_ONCE, VERSIONS + 1 - version));
});
afterAll(() => client.close());

function historyOf(page: Page) {
  const { rows } = consolePage(page);
  const row = (version: number) =>
    page.locator('.history-row', { has: page.getByText(`v${version}`, { exact: true }) });
  return {
    rows,
    row,
    nodes: () => page.locator('.history *').count(),
    summary: (version: number): Locator => row(version).locator('summary'),
    /** The version whose row has the focus. */
    focused: () =>
      page.evaluate(
        () => document.activeElement?.closest('.history-row')?.querySelector('.history-version')?.textContent,
      ),
  };
}

const open = () => stage.open(`/?campaign=${ID}&tab=history`);

describe('a history of thousands of versions', () => {
  it('D53 has the rows in view in the page and no others, from the newest to the oldest, by keys', async () => {
    const { page, errors } = await open();
    const { rows, nodes, focused, row } = historyOf(page);
    await row(VERSIONS).waitFor();
    expect(await rows.count()).toBeLessThan(40);
    // One stop of Tab; the arrow keys go along it.
    await row(VERSIONS).locator('summary').focus();
    await page.keyboard.press('ArrowDown');
    await eventually(() => focused()).toBe(`v${VERSIONS - 1}`);
    expect(await page.locator('.history-row > details > summary[tabindex="0"]').count()).toBe(1);
    await expect
      .poll(
        async () => {
          await page.keyboard.press('End');
          return focused();
        },
        { timeout: 90_000, interval: 50 },
      )
      .toBe('v1');
    expect(await rows.count()).toBeLessThan(40);
    expect(await nodes()).toBeLessThan(600);
    expect(await row(1).getAttribute('aria-posinset')).toBe(String(VERSIONS));
    await eventually(() => row(1).getAttribute('aria-setsize')).toBe(String(VERSIONS));
    await page.keyboard.press('Home');
    await eventually(() => focused()).toBe(`v${VERSIONS}`);
    expect(errors).toEqual([]);
  });

  it('D53 a live change comes on top; the focus stays on its row, which is drawn no more than any other', async () => {
    const { page } = await open();
    const { row, focused } = historyOf(page);
    const newest = (await client.trpc.campaign.get.query({ campaignId: ID })).version;
    const marked = row(newest - 3);
    await marked.locator('summary').focus();
    await press(marked.locator('summary'), 'Enter');
    await marked.locator('.difference dt').first().waitFor();
    // Of the rows that are there, what is said in them; times are said anew by themselves.
    await page.evaluate(() => {
      const seen: string[] = [];
      Object.assign(window, { seen });
      const isOwn = (node: Node) => (node instanceof Element ? node : node.parentElement)?.closest('time') === null;
      for (const element of document.querySelectorAll('.history-row > details > summary'))
        new MutationObserver((records) => {
          for (const { type, target } of records) if (isOwn(target)) seen.push(`${type} ${target.textContent}`);
        }).observe(element, { childList: true, characterData: true, subtree: true });
      document.activeElement?.closest('.history-row')?.setAttribute('data-marked', '');
    });
    for (let more = 1; more <= 3; more += 1) await edit(newest + more, 1);
    await row(newest + 3).waitFor();
    await eventually(() => focused()).toBe(`v${newest - 3}`);
    expect(await page.locator('[data-marked]').count()).toBe(1);
    expect(await marked.getAttribute('data-marked')).toBe('');
    expect(await marked.locator('.difference dt').count()).toBeGreaterThan(0);
    expect(await page.evaluate(() => Reflect.get(window, 'seen'))).toEqual([]);
  });

  it('D53 whoever looks at older ones keeps them in place while new ones come', async () => {
    const { page } = await open();
    const { row } = historyOf(page);
    const newest = (await client.trpc.campaign.get.query({ campaignId: ID })).version;
    await row(newest).waitFor();
    const scroller = page.locator('.history-scroll');
    await scroller.evaluate((element) => element.scrollTo({ top: 1_500 }));
    await row(newest - 25).waitFor();
    const top = () => row(newest - 25).evaluate((element) => Math.round(element.getBoundingClientRect().top));
    await eventually(() => top()).toBeLessThan(900);
    const before = await top();
    await edit(newest + 1, 1);
    await eventually(() => row(newest - 25).getAttribute('data-index')).toBe('26');
    await eventually(async () => Math.abs((await top()) - before)).toBeLessThan(3);
  });

  it('D53 one of thousands is found by place, by person and by day, and two of them stand side by side', async () => {
    const { page } = await open();
    const { field } = consolePage(page);
    const { rows, summary } = historyOf(page);
    await rows.first().waitFor();
    await field('Place').fill('owner_id');
    await eventually(() => rows.allInnerTexts()).toEqual([expect.stringMatching(/^v1500\s+owner_id/)]);
    await field('Person').fill('nobody');
    await page.getByText('Nothing of that kind has happened.').waitFor();
    await field('Person').fill('dev');
    await field('To').fill('2001-01-01');
    await page.getByText('Nothing of that kind has happened.').waitFor();
    await field('To').fill('');
    await eventually(() => rows.count()).toBe(1);
    await summary(RARE).click();
    await page.getByRole('button', { name: 'Compare…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Two versions side by side' });
    await page.getByLabel('Left, version').fill('10');
    await page.getByLabel('Right, version').fill('2000');
    await eventually(() => dialog.getByRole('row').allInnerTexts()).toEqual([
      expect.stringMatching(/v10\s+v2000/),
      expect.stringMatching(/title[^]*Title 10[^]*Title 2000/),
      expect.stringMatching(/description[^]*Description 9[^]*Description 1999/),
      expect.stringMatching(/owner_id[^]*ada/),
    ]);
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Show everything' }).click();
    // The button is gone, and the focus is where it was.
    await eventually(() => page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toBe(
      'Search the history',
    );
  });
});
