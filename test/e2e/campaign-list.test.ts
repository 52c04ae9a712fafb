import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createCampaignClient, type CampaignClient } from '@campaign-state/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Page } from '../tools/browser.ts';
import { consolePage } from './support/console-page.ts';
import { eventually } from './support/eventually.ts';
import { createManyCampaigns } from './support/many-campaigns.ts';
import { useStage } from './support/stage.ts';

const MANY = 300;
const stage = useStage();
let client: CampaignClient;

beforeAll(async () => {
  client = createCampaignClient({ url: stage.server.url });
  await createManyCampaigns(stage.server.url, MANY);
});
afterAll(() => client.close());

function listOf(page: Page) {
  const nav = page.getByRole('navigation', { name: 'Campaigns' });
  return {
    nav,
    rows: nav.locator('.campaigns-scroll li button'),
    search: page.getByLabel('Search campaigns'),
    count: nav.locator('.campaigns-head .count'),
    open: page.getByRole('region', { name: 'The open campaign' }),
    first: () => nav.locator('.campaigns-scroll li[data-index="0"] button > span').innerText(),
  };
}

const idIn = (page: Page) => new URL(page.url()).searchParams.get('campaign');

/** The campaign that has the focus. */
const focusedId = (page: Page) =>
  page.evaluate(() => document.activeElement?.getAttribute('data-campaign') ?? undefined);

describe('the list of campaigns', () => {
  it('D40 is searched by the server as one types, filtered by status, owner and tag, and sorted', async () => {
    const { page } = await stage.open();
    const { rows, search, count, first, nav } = listOf(page);
    await eventually(() => count.innerText()).toBe('304 campaigns');
    await search.fill('summer harvest');
    await eventually(() => first()).toMatch(/^Summer harvest/);
    await eventually(() => count.innerText()).toBe('9 campaigns');
    await search.fill('many_299');
    await eventually(() => count.innerText()).toBe('1 campaign');
    await search.fill('');
    await page.getByText('Filter and sort').click();
    await nav.getByLabel('Filter by status').selectOption('paused');
    await nav.getByLabel('Filter by owner').fill('grace');
    await nav.getByLabel('Filter by tag').fill('tag-2');
    await eventually(() => count.innerText()).toBe('5 campaigns');
    await nav.getByLabel('sorted by').selectOption('title');
    await eventually(async () => {
      const titles = await rows.locator('> span').allInnerTexts();
      return titles.length === 5 && titles.join() === titles.toSorted().join();
    }).toBe(true);
    await page.getByRole('button', { name: 'Clear filters' }).click();
    await eventually(() => count.innerText()).toBe('304 campaigns');
    await search.fill('nothing is called that');
    await page.getByRole('button', { name: 'Show all campaigns' }).click();
    await eventually(() => count.innerText()).toBe('304 campaigns');
  });

  it('D41 draws what is in view of any number, keeps the open one in view, and is walked by keys', async () => {
    const { page } = await stage.open('/?campaign=skerry_bay_lifeboat');
    const { rows, open, nav } = listOf(page);
    await open.getByText('A new lifeboat').waitFor();
    await rows.first().focus();
    await page.keyboard.press('End');
    await nav.locator(`.campaigns-scroll li[data-index="${MANY + 3}"] button`).waitFor();
    await eventually(() => focusedId(page)).toBeTruthy();
    expect(await rows.count()).toBeLessThan(40);
    expect(await open.isVisible()).toBe(true);
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowDown');
    await eventually(() => page.evaluate(() => document.activeElement?.closest('li')?.getAttribute('data-index'))).toBe(
      '1',
    );
    const id = await focusedId(page);
    await page.keyboard.press('Enter');
    await eventually(() => idIn(page)).toBe(id);
  });

  it('D42 is live: what is new, renamed or changed comes first by itself, with who did it', async () => {
    const { page } = await stage.open();
    const { first, rows } = listOf(page);
    await eventually(() => first()).toMatch(/./);
    await client.campaign('many_7').update({ title: 'Renamed from elsewhere' });
    await eventually(() => first()).toBe('Renamed from elsewhere');
    await eventually(() => rows.first().innerText()).toContain('by dev');
    await client.trpc.campaign.create.mutate({ campaignId: 'brand_new', state: { slug: 'n', title: 'Brand new' } });
    await eventually(() => first()).toBe('Brand new');
  });

  it('D43 makes an id of a title in any script, which can be changed; a page of a template; and has the focus after', async () => {
    const { page } = await stage.open();
    const { field, banner, modules } = consolePage(page);
    await field('New campaign').fill('日本の春');
    await eventually(() => field('Its id, for good').inputValue()).toBe('ribennochun');
    await field('New campaign').fill('حملة الربيع');
    await eventually(() => field('Its id, for good').inputValue()).toMatch(/^[a-z0-9_]{4,}$/);
    await field('New campaign').fill('!!');
    await eventually(() => field('Its id, for good').inputValue()).toMatch(/^campaign_[0-9a-f]{6}$/);
    await field('Its id, for good').fill('Not An Id');
    await page.getByText('An id begins with a small Latin letter or a digit.').waitFor();
    expect(await page.getByRole('button', { name: 'Create' }).isDisabled()).toBe(true);
    await field('New campaign').fill('Gifts');
    await field('Its id, for good').fill('many_1');
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByText('There is a campaign many_1 already').waitFor();
    await field('Its id, for good').fill('gifts-2027');
    expect(await page.getByText('There is a campaign').count()).toBe(0);
    await field('It starts with').selectOption('Fundraiser with a goal');
    await page.getByRole('button', { name: 'Create' }).click();
    await eventually(() => banner.innerText()).toBe('Gifts');
    expect(idIn(page)).toBe('gifts-2027');
    await eventually(() => modules.allInnerTexts()).toContain('Who has given');
    await eventually(() => page.evaluate(() => document.activeElement?.id)).toBe('editor');
  });

  it('D44 duplicates, exports and imports', async () => {
    const { page } = await stage.open('/?campaign=skerry_bay_lifeboat');
    const { field, banner } = consolePage(page);
    const { open, nav } = listOf(page);
    await open.getByRole('button', { name: 'Duplicate' }).click();
    await field('New campaign, a duplicate').fill('A second lifeboat');
    await page.getByRole('button', { name: 'Create' }).click();
    await eventually(() => idIn(page)).toBe('a_second_lifeboat');
    await eventually(() => banner.innerText()).toBe('When the pager goes, she has to start.');
    await eventually(() => field('Title').inputValue()).toBe('A second lifeboat');

    const [download] = await Promise.all([
      page.waitForEvent('download'),
      open.getByRole('button', { name: 'Export' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('a_second_lifeboat.json');
    const file = join(await mkdtemp(join(tmpdir(), 'campaign-state-export-')), 'exported.json');
    await download.saveAs(file);
    const text = await readFile(file, 'utf8');
    await rm(dirname(file), { recursive: true });
    expect(JSON.parse(text)).toMatchObject({ campaignId: 'a_second_lifeboat', state: { title: 'A second lifeboat' } });

    // Dropped on the list: the id is taken, so that it comes as another one; what is no campaign is named.
    await nav.locator('.import').evaluate((element, content) => {
      const files = new DataTransfer();
      files.items.add(new File([content], 'lifeboat.json'));
      files.items.add(new File(['{}'], 'empty.json'));
      for (const type of ['dragover', 'drop'])
        element.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: files }));
    }, text);
    await nav.getByText('a_second_lifeboat-2').first().waitFor();
    await nav.getByText('empty.json: number 1 is no campaign').waitFor();
    await eventually(() => idIn(page)).toBe('a_second_lifeboat-2');
  });

  it('D44 archives and restores several at once', async () => {
    const { page } = await stage.open();
    const { nav, search, count, rows } = listOf(page);
    await search.fill('spring concert');
    await eventually(() => count.innerText()).toBe('9 campaigns');
    await page.getByRole('button', { name: 'Choose several' }).click();
    const boxes = nav.locator('.campaigns-scroll input[type=checkbox]');
    for (const index of [0, 1]) await boxes.nth(index).check();
    await nav.getByText('2 campaigns chosen').waitFor();
    await nav.getByRole('button', { name: 'Archive…' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Archive them' }).click();
    await eventually(() => count.innerText()).toBe('7 campaigns');
    await page.getByText('Filter and sort').click();
    await nav.getByLabel('Filter by status').selectOption('archived');
    await eventually(() => count.innerText()).toBe('2 campaigns');
    await eventually(() => rows.first().innerText()).toContain('archived');
    await page.getByRole('button', { name: 'Choose several' }).click();
    await eventually(() => boxes.count()).toBe(2);
    for (const index of [0, 1]) await boxes.nth(index).check();
    await nav.getByRole('button', { name: 'Restore…' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Restore them' }).click();
    await eventually(() => count.innerText()).toBe('0 campaigns');
  });
});
