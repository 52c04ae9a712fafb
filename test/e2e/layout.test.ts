import { createCampaignClient } from '@campaign-state/client';
import { describe, expect, it } from 'vitest';
import { consolePage } from './support/console-page.ts';
import { faintTexts } from './support/contrast.ts';
import { eventually } from './support/eventually.ts';
import { observeShifts } from './support/shifts.ts';
import { useStage } from './support/stage.ts';
import { tooWide } from './support/too-wide.ts';

const stage = useStage();
const CAMPAIGNS = ['ovasabi_website', 'murmur_radio_launch', 'skerry_bay_lifeboat', 'slow_letter_referral'];
const TABS = ['Content', 'Features', 'Forms', 'Theme', 'Details', 'Audience', 'Results', 'JSON', 'History'];

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
      if (name === 'Results') await page.locator('.no-events, .arm-figures').first().waitFor();
      await eventually(async () => [name, ...(await tooWide(page))]).toEqual([name]);
    }
    const alone = await stage.open(`/audience.html?campaign=${campaign}`);
    await alone.page.setViewportSize(viewport);
    await alone.page.getByRole('heading', { level: 1 }).waitFor();
    await eventually(() => tooWide(alone.page)).toEqual([]);
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

  it.each([
    ['wide', { width: 1440, height: 900 }],
    ['narrow', { width: 360, height: 740 }],
  ])(
    'D166 moves nothing by itself: while it loads, while others write, while the server is away; %s',
    async (name, viewport) => {
      const colleague = createCampaignClient({ url: stage.server.url });
      const { page } = await stage.open('/?campaign=murmur_radio_launch', { viewport });
      const { field, tab, audience, rows } = consolePage(page);
      const shifts = await observeShifts(page);
      await audience.getByRole('heading', { level: 1 }).waitFor();
      await field('Title').waitFor();
      for (const each of [...TABS, 'Content']) {
        await tab(each).click();
        if (each === 'History') await rows.first().waitFor();
        await colleague.trpc.campaign.update.mutate({
          campaignId: 'murmur_radio_launch',
          updates: { description: `Seen in ${each}` },
        });
        await page.waitForTimeout(600);
      }
      await stage.server.kill();
      await page.getByText('The server is gone. Reconnecting…').waitFor();
      await field('Title').fill(`Written meanwhile, ${name}`);
      await page
        .getByText(/^1 change unsaved, waiting for the connection/)
        .first()
        .waitFor();
      await stage.server.startAgain();
      await page.getByText(/^Back after/).waitFor();
      const { largest, what } = await shifts.read();
      colleague.close();
      expect(largest, what.join('\n')).toBeLessThanOrEqual(0.02);
    },
  );

  it('D11 uses a large screen: at 3840 pixels nothing is wider than its place, and lines stay readable', async () => {
    const { page } = await stage.open('/', { viewport: { width: 3840, height: 2160 } });
    const { tab, audience } = consolePage(page);
    await audience.getByRole('heading', { level: 1 }).waitFor();
    for (const name of TABS) {
      await tab(name).click();
      await eventually(async () => [name, ...(await tooWide(page))]).toEqual([name]);
    }
  });
});
