import { describe, expect, it } from 'vitest';
import { axeFaults } from '../tools/axe.ts';
import type { Page } from '../tools/browser.ts';
import { consolePage } from './support/console-page.ts';
import { faintTexts } from './support/contrast.ts';
import { eventually } from './support/eventually.ts';
import { useStage } from './support/stage.ts';
import { tooWide } from './support/too-wide.ts';

const stage = useStage();

async function add(page: Page, what: 'rule' | 'arm' | 'segment' | 'group' | 'holdout', name: string): Promise<void> {
  await page.getByLabel(`Add ${what === 'arm' ? 'an arm' : `a ${what}`}`).fill(name);
  await page.keyboard.press('Enter');
}

describe('the Audience tab', () => {
  it('D34 a segment, a rule and its arms are made by form; who would move is said before; a viewer is explained and shown', async () => {
    const { page, errors } = await stage.open();
    const { field, tab, banner, rows } = consolePage(page);
    const button = (name: string) => page.getByRole('button', { name, exact: true });
    await tab('Audience').click();
    const before = await banner.innerText();

    await add(page, 'segment', 'lagos');
    await button('Add a condition').click();
    await field('Attribute 1').fill('city');
    await field('Value 1').fill('Lagos');
    await button('Save').click();
    await page.locator('.section-what', { hasText: 'city is Lagos' }).waitFor();
    await page.getByText('lagos', { exact: true }).first().click();

    await add(page, 'rule', 'greeting');
    await page.getByRole('radio', { name: 'running' }).check();
    await button('Add a condition').click();
    await field('Operator 1').selectOption('is in segment');
    await field('Segment 1').selectOption('lagos');
    await page.getByText('Changes nothing yet').click();
    await field('Banner').fill('Ẹ káàbọ̀!');
    await page.getByText('Changes ui_content.banner').waitFor();
    // Nobody is shown anything before it is saved.
    await eventually(() => page.getByRole('status').allInnerTexts()).toContain(
      'Saving moves nobody who has an arm already.',
    );
    await button('Save').click();
    await page.locator('.section-what', { hasText: '100 % · in segment lagos · shown' }).waitFor();
    expect(await banner.innerText()).toBe(before);

    await button('Add an attribute').click();
    await field('Name of attribute 2').fill('city');
    await field('Value of attribute 2').fill('Abuja');
    await page.getByText('They do not meet the condition.').waitFor();
    await field('Value of attribute 2').fill('Lagos');
    await page.getByText('They have “shown”, because they meet the condition.').waitFor();
    await button('Show the page as they see it').click();
    await eventually(() => banner.innerText()).toBe('Ẹ káàbọ̀!');

    await add(page, 'arm', 'plain');
    await button('Save').click();
    await page.getByText('100 % · in segment lagos · shown, plain').waitFor();
    await field('Share of plain').focus();
    for (let step = 0; step < 10; step += 1) await page.keyboard.press('ArrowRight');
    await page.getByText('Saving moves 10 % of all people to another arm, or to none.').waitFor();
    await button('Discard').click();

    await button('Ship shown…').click();
    await field('Why, for the history (optional)').fill('It won');
    await button('Ship it').click();
    await eventually(() => page.locator('.rule-status').innerText()).toBe('ended');
    await page.getByRole('button', { name: /^As userId/ }).click();
    await eventually(() => banner.innerText()).toBe('Ẹ káàbọ̀!');
    await tab('Content').click();
    await eventually(() => field('Banner').inputValue()).toBe('Ẹ káàbọ̀!');
    await tab('History').click();
    await eventually(() => rows.first().innerText()).toContain('It won');
    await eventually(() => rows.count()).toBeGreaterThan(3);
    expect(errors).toEqual([]);
  });

  it('D34 groups, holdouts and what a rule requires are made by form; a claim that overlaps is refused beside the share', async () => {
    const { page, errors } = await stage.open('/?campaign=skerry_bay_lifeboat', {
      bypassCSP: true,
      reducedMotion: 'reduce',
    });
    const { field, tab } = consolePage(page);
    const button = (name: string) => page.getByRole('button', { name, exact: true });
    const card = (name: string) => page.locator('.section', { has: page.getByText(name, { exact: true }) }).first();
    const save = async (name: string): Promise<void> => {
      await card(name).getByRole('button', { name: 'Save', exact: true }).click();
      await eventually(() => card(name).getByText('not saved').count()).toBe(0);
    };
    await tab('Audience').click();

    await add(page, 'group', 'checkout');
    await card('checkout').getByLabel('Divided by').fill('');
    await card('checkout').getByRole('button', { name: 'Save', exact: true }).click();
    await card('checkout').getByRole('alert').waitFor();
    await card('checkout').getByLabel('Divided by').fill('userId');
    await card('checkout').getByLabel('Before a login by').fill('deviceId');
    await save('checkout');
    await card('checkout').locator('code', { hasText: '/checkout/1' }).waitFor();
    await card('checkout').locator('summary').first().click();
    await page.locator('.section-what', { hasText: 'no rule yet · 100 % free' }).waitFor();

    await add(page, 'rule', 'price');
    await page.getByRole('radio', { name: 'running' }).check();
    await field('Never together with').selectOption('checkout');
    // It divides by what the group does.
    expect(await card('price').getByLabel('Before a login by').inputValue()).toBe('deviceId');
    expect(await card('price').getByLabel('Divided by').isDisabled()).toBe(true);
    await field('How many of them').fill('60');
    await add(page, 'arm', 'lower');
    await save('price');
    await card('price').locator('summary').first().click();
    await page.locator('.section-what', { hasText: 'price · 40 % free' }).waitFor();

    await add(page, 'rule', 'banner');
    await page.getByRole('radio', { name: 'running' }).check();
    await field('Never together with').selectOption('checkout');
    await field('How many of them').fill('50');
    await button('Save').click();
    const share = page.locator('.field', { has: page.getByLabel('How many of them') });
    await share.getByText('Others of the group have the rest: 40 % of its line is free.').waitFor();
    expect(await field('How many of them').getAttribute('aria-invalid')).toBe('true');
    expect(await axeFaults(page)).toEqual([]);
    await field('How many of them').fill('40');
    await field('Only who is in').selectOption('price');
    await page.getByRole('checkbox', { name: 'shown' }).uncheck();
    await page.getByRole('checkbox', { name: 'lower' }).uncheck();
    await button('Save').click();
    await page
      .locator('.field', { has: page.getByLabel('Only who is in') })
      .locator('.field-error')
      .waitFor();
    await page.getByRole('checkbox', { name: 'lower' }).check();
    await save('banner');

    await add(page, 'holdout', 'never');
    await field('How many are in it').fill('100');
    await save('never');
    await card('never').getByText('No rule reaches them.').waitFor();
    await page.getByText('They are kept out of rules, by the holdout “never”.').first().waitFor();
    await page.getByRole('checkbox', { name: 'Reaches those in holdouts, too' }).check();
    await save('banner');
    await card('never').getByText('Exempt, and reaching them all the same: banner.').waitFor();
    await page.getByText('They have none of the arms of the other rule that this one requires.').waitFor();

    await card('never').getByRole('button', { name: 'Remove…' }).click();
    await button('Remove it').click();
    await eventually(() => page.getByText('Exempt, and reaching').count()).toBe(0);
    await card('checkout').locator('summary').first().click();
    await card('checkout').getByRole('button', { name: 'Remove…' }).click();
    await button('Remove it').click();
    // Its rules have to go first.
    await card('checkout').getByRole('alert').or(page.getByRole('alert')).first().waitFor();
    await page.keyboard.press('Escape');
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width: colorScheme === 'dark' ? 360 : 1440, height: 900 });
      await eventually(() => faintTexts(page, 4.5)).toEqual([]);
      await eventually(() => tooWide(page)).toEqual([]);
      await eventually(() => axeFaults(page)).toEqual([]);
    }
    expect(errors.filter((error) => !error.includes('409') && !error.includes('400'))).toEqual([]);
  });

  it('D34 says in words what is wrong, and is readable and whole when it is narrow and dark', async () => {
    const { page } = await stage.open('/?campaign=murmur_radio_launch', { reducedMotion: 'reduce' });
    const { tab } = consolePage(page);
    await tab('Audience').click();
    await page.getByText('There are no rules: they see what everybody sees.').waitFor();
    await page.getByLabel('Add a rule').fill('no spaces');
    await page.getByText(/^The name must be 1 to 64 of letters/).waitFor();
    await add(page, 'rule', 'price');
    await page.getByLabel('Divided by').fill('');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByRole('alert').waitFor();
    // What was begun is there again after a look elsewhere.
    await tab('History').click();
    await tab('Audience').click();
    await page.locator('.section', { hasText: 'price' }).getByText('not saved').waitFor();
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width: colorScheme === 'dark' ? 360 : 1440, height: 900 });
      await eventually(() => faintTexts(page, 4.5)).toEqual([]);
      await eventually(() => tooWide(page)).toEqual([]);
    }
  });
});
