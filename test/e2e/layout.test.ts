import { describe, expect, it } from 'vitest';
import type { Page } from '../tools/browser.ts';
import { consolePage } from './support/console-page.ts';
import { faintTexts } from './support/contrast.ts';
import { useStage } from './support/stage.ts';

const stage = useStage();
const CAMPAIGNS = ['ovasabi_website', 'murmur_radio_launch', 'skerry_bay_lifeboat', 'slow_letter_referral'];
const TABS = ['Content', 'Features', 'Theme', 'History'];

/** What is wider than its place, but for what is made to scroll or to be cut short: two strips, form controls, a line of the history. */
function tooWide(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll('*')]
      .filter((element) => element.clientWidth > 1 && element.scrollWidth > element.clientWidth + 1)
      .filter((element) => !element.matches('[role=tablist], nav ul, input, textarea, select, .history-what'))
      .map((element) => `${element.tagName}.${element.className}: ${element.scrollWidth} in ${element.clientWidth}`),
  );
}

describe('the look', () => {
  it.each(CAMPAIGNS)('D11 does not scroll sideways at 360 pixels: %s', async (campaign) => {
    const viewport = { width: 360, height: 740 };
    const { page } = await stage.open(`/?campaign=${campaign}`, { viewport });
    const { tab, audience, rows } = consolePage(page);
    await audience.getByRole('heading', { level: 1 }).waitFor();
    for (const name of TABS) {
      await tab(name).click();
      if (name === 'History') await rows.first().locator('summary').click();
      expect(await tooWide(page), name).toEqual([]);
    }
    const alone = await stage.open(`/audience.html?campaign=${campaign}`, { viewport });
    await alone.page.getByRole('heading', { level: 1 }).waitFor();
    expect(await tooWide(alone.page)).toEqual([]);
  });

  it('D12 writes no error to the browser’s console, and breaks no content security policy', async () => {
    const { page, errors } = await stage.open();
    const { tab, field, rows, saved } = consolePage(page);
    await field('Title').fill('Without a murmur');
    await saved.waitFor();
    for (const name of TABS) await tab(name).click();
    await rows.first().locator('summary').click();
    await rows.first().locator('ins').first().waitFor();
    const alone = await stage.open('/audience.html');
    await alone.page.getByRole('heading', { level: 1 }).waitFor();
    expect([...errors, ...alone.errors]).toEqual([]);
  });

  it.each(['light', 'dark'] as const)('D15 keeps text readable: the console in %s', async (colorScheme) => {
    const { page } = await stage.open('/', { colorScheme });
    const { tab, audience } = consolePage(page);
    await audience.getByRole('heading', { level: 1 }).waitFor();
    for (const name of TABS) {
      await tab(name).click();
      expect(await faintTexts(page, 4.5), name).toEqual([]);
    }
  });

  it.each(CAMPAIGNS)('D15 keeps text readable: the page of %s', async (campaign) => {
    for (const colorScheme of ['light', 'dark'] as const) {
      const { page } = await stage.open(`/audience.html?campaign=${campaign}`, { colorScheme });
      await page.getByRole('heading', { level: 1 }).waitFor();
      expect(await faintTexts(page, 4.5), colorScheme).toEqual([]);
    }
  });
});
