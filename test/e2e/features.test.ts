import { describe, expect, it } from 'vitest';
import { consolePage } from './support/console-page.ts';
import { eventually } from './support/eventually.ts';
import { press } from './support/press.ts';
import { useStage } from './support/stage.ts';

const stage = useStage();

describe('features', () => {
  it('D6 shows the modules of the page in the order of its features', async () => {
    const { page } = await stage.open('/?campaign=murmur_radio_launch');
    const { tab, chips, modules } = consolePage(page);
    await tab('Features').click();
    const first = async () => (await modules.allInnerTexts()).slice(0, 2);
    await eventually(first).toEqual(['The first batch ships in', 'First batch reserved']);
    await page.getByRole('button', { name: 'Move countdown later' }).click();
    await eventually(first).toEqual(['First batch reserved', 'The first batch ships in']);
    expect((await chips.allInnerTexts()).slice(0, 2).join()).toMatch(/progress[^]*countdown/);
  });

  it('D6 adds and removes a feature, and its module with it', async () => {
    const { page } = await stage.open('/?campaign=slow_letter_referral');
    const { tab, audience, field } = consolePage(page);
    await tab('Features').click();
    await page.getByRole('button', { name: 'Remove leaderboard' }).click();
    await audience.getByRole('heading', { name: 'Generous readers this month' }).waitFor({ state: 'detached' });
    await page.getByRole('button', { name: '+ leaderboard' }).click();
    await audience.getByRole('heading', { name: 'Generous readers this month' }).waitFor();
    await field('Add a feature').fill('early_access');
    await press(field('Add a feature'), 'Enter');
    await page.getByRole('button', { name: 'Remove early_access' }).waitFor();
  });

  it('D6 moves a feature by dragging', async () => {
    const { page } = await stage.open('/?campaign=skerry_bay_lifeboat');
    const { tab, modules } = consolePage(page);
    await tab('Features').click();
    await page.locator('[data-item=leaderboard]').dragTo(page.locator('[data-item=progress]'));
    await eventually(async () => (await modules.allInnerTexts())[0]).toBe('The village is keeping score');
  });

  it('D6 shows the figures of a module as they are edited', async () => {
    const { page } = await stage.open('/?campaign=skerry_bay_lifeboat');
    const { tab, field, audience } = consolePage(page);
    await tab('Features').click();
    // An emptied field is nothing to send, and is not filled again under the typing hand.
    await field('So far').fill('');
    expect(await field('So far').inputValue()).toBe('');
    await field('So far').fill('340000');
    await eventually(() => audience.getByRole('progressbar').getAttribute('aria-valuenow')).toBe('340000');
    await audience.getByText('100 %').waitFor();
  });
});
