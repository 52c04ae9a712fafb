import { describe, expect, it } from 'vitest';
import { consolePage } from './support/console-page.ts';
import { faintTexts } from './support/contrast.ts';
import { eventually } from './support/eventually.ts';
import { useStage } from './support/stage.ts';
import { tooWide } from './support/too-wide.ts';

const stage = useStage();
const CAMPAIGNS = ['ovasabi_website', 'murmur_radio_launch', 'skerry_bay_lifeboat', 'slow_letter_referral'];
const TABS = ['Content', 'Features', 'Theme', 'Details', 'Audience', 'Results', 'JSON', 'History'];

describe('the look', () => {
  it.each(CAMPAIGNS)('D11 does not scroll sideways at 360 pixels: %s', async (campaign) => {
    const viewport = { width: 360, height: 740 };
    const { page } = await stage.open(`/?campaign=${campaign}`);
    await page.setViewportSize(viewport);
    const { tab, audience, rows } = consolePage(page);
    await audience.getByRole('heading', { level: 1 }).waitFor();
    for (const name of TABS) {
      await tab(name).click();
      if (name === 'History') await rows.first().locator('summary').click();
      expect(await tooWide(page), name).toEqual([]);
    }
    const alone = await stage.open(`/audience.html?campaign=${campaign}`);
    await alone.page.setViewportSize(viewport);
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

  it('D15 keeps text readable: the console, in light and in dark', async () => {
    const { page } = await stage.open('/', { reducedMotion: 'reduce' });
    const { tab, audience } = consolePage(page);
    await audience.getByRole('heading', { level: 1 }).waitFor();
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      for (const name of TABS) {
        await tab(name).click();
        await eventually(() => faintTexts(page, 4.5)).toEqual([]);
      }
    }
  });

  it.each(CAMPAIGNS)('D15 keeps text readable: the page of %s', async (campaign) => {
    const { page } = await stage.open(`/audience.html?campaign=${campaign}`, { reducedMotion: 'reduce' });
    await page.getByRole('heading', { level: 1 }).waitFor();
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await eventually(() => faintTexts(page, 4.5)).toEqual([]);
    }
  });
});
