import { beforeAll, describe, expect, it } from 'vitest';
import type { Page } from '../tools/browser.ts';
import { consolePage } from './support/console-page.ts';
import { eventually } from './support/eventually.ts';
import { createManyCampaigns } from './support/many-campaigns.ts';
import { useStage } from './support/stage.ts';

/** Ten thousand by `MANY_CAMPAIGNS=10000`; it takes minutes to make them. */
const MANY = Number(process.env['MANY_CAMPAIGNS'] ?? 1_000);
const stage = useStage();

beforeAll(() => createManyCampaigns(stage.server.url, MANY));

function listOf(page: Page) {
  const nav = page.getByRole('navigation', { name: 'Campaigns' });
  return {
    rows: nav.locator('.campaigns-scroll li'),
    at: (place: number) => nav.locator(`.campaigns-scroll li[data-index="${place}"] button[data-campaign]`),
    scroller: nav.locator('.campaigns-scroll'),
    search: page.getByLabel('Search campaigns'),
    count: nav.locator('.campaigns-head .count'),
  };
}

describe('ten thousand campaigns', () => {
  it('D41 are scrolled, walked, searched and opened as ten are, with the rows in view alone in the page', async () => {
    const { page, errors } = await stage.open();
    const { rows, at, scroller, search, count } = listOf(page);
    const { banner } = consolePage(page);
    const total = MANY + 4;
    await eventually(() => count.innerText()).toBe(`${total.toLocaleString('en')} campaigns`);
    await at(0).waitFor();
    expect(await rows.count()).toBeLessThan(40);

    // To the middle at one go, as with a dragged scroll bar; the rows there come.
    await scroller.evaluate((element) => element.scrollTo({ top: element.scrollHeight / 2 }));
    await eventually(() => rows.locator('button[data-campaign]').count()).toBeGreaterThan(5);
    const index = await rows.first().getAttribute('data-index');
    expect(Number(index)).toBeGreaterThan(MANY / 4);
    expect(await rows.count()).toBeLessThan(40);

    await page.keyboard.press('/');
    await search.fill('many_777');
    await eventually(() => count.innerText()).toBe('1 campaign');
    await at(0).click();
    await eventually(() => banner.innerText()).toMatch(/777$/);
    await search.fill('');
    await eventually(() => count.innerText()).toBe(`${total.toLocaleString('en')} campaigns`);

    // The list begins with those that were changed last, and ends with the first ones.
    await at(0).focus();
    await page.keyboard.press('End');
    await at(total - 1).waitFor();
    await eventually(() => page.evaluate(() => document.activeElement?.closest('li')?.getAttribute('data-index'))).toBe(
      String(total - 1),
    );
    await page.keyboard.press('Enter');
    await eventually(() => new URL(page.url()).searchParams.get('campaign')).toMatch(/./);
    expect(await rows.count()).toBeLessThan(40);
    expect(errors).toEqual([]);
  });
});
