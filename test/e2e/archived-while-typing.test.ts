import { createCampaignClient } from '@campaign-state/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { axeFaults } from '../tools/axe.ts';
import type { Page } from '../tools/browser.ts';
import { consolePage } from './support/console-page.ts';
import { eventually } from './support/eventually.ts';
import { press } from './support/press.ts';
import { useStage } from './support/stage.ts';

const stage = useStage();
let colleague: ReturnType<typeof createCampaignClient>;
beforeAll(() => {
  colleague = createCampaignClient({ url: stage.server.url });
});
afterAll(() => colleague.close());

/** The label of the field that has the focus. */
const focused = (page: Page) =>
  page.evaluate(() => {
    const element = document.activeElement;
    if (element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement)
      return element.labels?.[0]?.textContent;
    return element?.getAttribute('aria-label') ?? element?.tagName;
  });

const kept = (page: Page) => page.getByRole('region', { name: 'Words that were not sent' });

describe('a colleague closes the campaign while somebody types', () => {
  it('D165 archived: the focus stays, what is typed is kept and said to be, and is sent once it is open again', async () => {
    const campaignId = 'slow_letter_referral';
    const { page, errors } = await stage.open(`/?campaign=${campaignId}`, { bypassCSP: true, reducedMotion: 'reduce' });
    const { field, tab, banner } = consolePage(page);
    const button = (name: string) => page.getByRole('button', { name, exact: true });
    const wording = field('Banner');
    await wording.waitFor();
    await wording.fill('Sent before');
    await eventually(() => banner.innerText()).toBe('Sent before');
    await press(wording, 'End');
    await colleague.trpc.campaign.archive.mutate({ campaignId, comment: 'The season is over' });
    await page.getByText(/^Archived .* by dev \(The season is over\), and therefore read-only\.$/).waitFor();
    await page.keyboard.type(', typed after');
    expect(await focused(page)).toBe('Banner');
    expect(await wording.inputValue()).toBe('Sent before, typed after');
    await kept(page).getByText('What you were typing is kept, and was not sent.').waitFor();
    await eventually(() => kept(page).getByRole('listitem').innerText()).toMatch(/^Banner Sent before, typed after/);
    // Beside the field too: what stands above it may be out of view.
    await page.getByText('Not sent, and kept: the campaign was archived meanwhile.').waitFor();
    expect(await banner.innerText()).toBe('Sent before');
    await eventually(() => axeFaults(page)).toEqual([]);

    // Whoever leaves the field has left it: it is closed as the others are, and the focus has a place.
    await page.keyboard.press('Tab');
    await eventually(() => wording.isDisabled()).toBe(true);
    await eventually(() => focused(page)).not.toBe('BODY');
    await tab('Details').click();
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await button('Copy Banner').click();
    await button('Copied Banner').waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('Sent before, typed after');
    await tab('Content').click();
    expect(await wording.inputValue()).toBe('Sent before, typed after');

    await colleague.trpc.campaign.restore.mutate({ campaignId });
    await kept(page).getByText('The campaign can be edited again.').waitFor();
    expect(await banner.innerText()).toBe('Sent before');
    await press(button('Send Banner'), 'Enter');
    await eventually(() => banner.innerText()).toBe('Sent before, typed after');
    await kept(page).waitFor({ state: 'detached' });
    await eventually(() => focused(page)).not.toBe('BODY');
    await wording.fill('And on');
    await eventually(() => banner.innerText()).toBe('And on');
    expect(errors).toEqual([]);
  });

  it('D165 deleted: what was typed stays to be copied, and is dropped by a click', async () => {
    const campaignId = 'murmur_radio_launch';
    const { page } = await stage.open(`/?campaign=${campaignId}`);
    const { field } = consolePage(page);
    await field('Footer').fill('Sent before');
    await consolePage(page).saved.waitFor();
    await press(field('Footer'), 'End');
    await colleague.trpc.campaign.archive.mutate({ campaignId });
    await page.getByText(/^Archived .*read-only\.$/).waitFor();
    await page.keyboard.type(', typed after');
    await colleague.trpc.campaign.delete.mutate({ campaignId, now: true });
    await page.getByRole('heading', { name: 'This campaign cannot be opened' }).waitFor();
    await eventually(() => kept(page).getByRole('listitem').innerText()).toMatch(/^Footer Sent before, typed after/);
    await eventually(() => focused(page)).toBe('Ways on');
    await kept(page).getByRole('button', { name: 'Drop Footer' }).click();
    await kept(page).waitFor({ state: 'detached' });
    await eventually(() => focused(page)).toBe('Ways on');
  });
});
