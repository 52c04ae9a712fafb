import { describe, expect, it } from 'vitest';
import type { Page } from '../tools/browser.ts';
import { consolePage } from './support/console-page.ts';
import { faintTexts } from './support/contrast.ts';
import { eventually } from './support/eventually.ts';
import { useStage } from './support/stage.ts';
import { tooWide } from './support/too-wide.ts';

const stage = useStage();

async function add(page: Page, what: 'rule' | 'arm' | 'segment', name: string): Promise<void> {
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
    await field('Share of plain').focus();
    for (let step = 0; step < 10; step += 1) await page.keyboard.press('ArrowRight');
    await page.getByText('Saving moves 10 % of all people to another arm, or to none.').waitFor();
    await button('Discard').click();

    await button('Ship shown…').click();
    await button('Ship it').click();
    await eventually(() => page.locator('.rule-status').innerText()).toBe('ended');
    await page.getByRole('button', { name: /^As userId/ }).click();
    await eventually(() => banner.innerText()).toBe('Ẹ káàbọ̀!');
    await tab('Content').click();
    await eventually(() => field('Banner').inputValue()).toBe('Ẹ káàbọ̀!');
    await tab('History').click();
    await eventually(() => rows.count()).toBeGreaterThan(3);
    expect(errors).toEqual([]);
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
      expect(await tooWide(page)).toEqual([]);
    }
  });
});
