import { describe, expect, it } from 'vitest';
import { consolePage } from './support/console-page.ts';
import { eventually } from './support/eventually.ts';
import { press } from './support/press.ts';
import { useStage } from './support/stage.ts';

const stage = useStage();
const CAMPAIGN = '/?campaign=skerry_bay_lifeboat';

describe('details', () => {
  it('D18 empties a date by its button and by hand, and keeps one that is half typed to itself', async () => {
    const [one, two] = await Promise.all([stage.open(CAMPAIGN), stage.open(CAMPAIGN)]);
    const mine = consolePage(one.page);
    const theirs = consolePage(two.page);
    await theirs.field('Ends (UTC)').waitFor();
    await one.page.getByRole('button', { name: 'Clear Ends (UTC)' }).click();
    await eventually(() => theirs.field('Ends (UTC)').inputValue()).toBe('');
    expect(await mine.field('Ends (UTC)').evaluate((field) => field === document.activeElement)).toBe(true);

    // The control is empty for the browser while its parts are typed; only what is complete is sent.
    const before = await theirs.field('Starts (UTC)').inputValue();
    await mine.field('Starts (UTC)').focus();
    await one.page.keyboard.press('Backspace');
    await eventually(() => mine.field('Starts (UTC)').inputValue()).toBe('');
    await mine.field('Title').focus();
    await eventually(() => mine.field('Starts (UTC)').inputValue()).toBe(before);
    expect(await theirs.field('Starts (UTC)').inputValue()).toBe(before);

    await mine.field('Starts (UTC)').fill('');
    await eventually(() => theirs.field('Starts (UTC)').inputValue()).toBe('');
    await mine.field('Starts (UTC)').fill('2027-02-03T04:05');
    await eventually(() => theirs.field('Starts (UTC)').inputValue()).toBe('2027-02-03T04:05');
  });

  it('D18 adds, orders and removes tags; changes what the page does not show', async () => {
    const [one, two] = await Promise.all([stage.open(CAMPAIGN), stage.open(CAMPAIGN)]);
    const mine = consolePage(one.page);
    const theirs = consolePage(two.page);
    await mine.tab('Details').click();
    await theirs.tab('Details').click();
    const tags = () =>
      two.page.getByRole('list', { name: 'Tags' }).getByRole('listitem').locator('span').allInnerTexts();
    await eventually(async () => (await tags()).length).toBeGreaterThan(0);
    const [first = ''] = await tags();
    await mine.field('Add a tag').fill('sea');
    await press(mine.field('Add a tag'), 'Enter');
    await eventually(async () => (await tags()).at(-1)).toBe('sea');
    await one.page.getByRole('button', { name: 'Move sea earlier' }).click();
    await eventually(async () => (await tags()).at(-2)).toBe('sea');
    await one.page.getByRole('button', { name: `Remove ${first}` }).click();
    await eventually(tags).not.toContain(first);

    await mine.field('Owner').fill('crew@skerry.example');
    await eventually(() => theirs.field('Owner').inputValue()).toBe('crew@skerry.example');
    await mine.field('Slug').fill('');
    await one.page.getByText('Slug must not be empty.').waitFor();
  });

  it('D20 takes back what was edited here and makes it again; what others did stays', async () => {
    const [one, two] = await Promise.all([stage.open(CAMPAIGN), stage.open(CAMPAIGN)]);
    const mine = consolePage(one.page);
    const theirs = consolePage(two.page);
    await mine.field('Call to action').waitFor();
    const before = await mine.field('Call to action').inputValue();
    expect(await one.page.getByRole('button', { name: 'Undo' }).isDisabled()).toBe(true);
    await mine.field('Call to action').fill('Give now');
    await eventually(() => theirs.field('Call to action').inputValue()).toBe('Give now');
    await theirs.field('Footer').fill('By somebody else');
    await eventually(() => mine.field('Footer').inputValue()).toBe('By somebody else');

    await one.page.getByRole('button', { name: 'Undo' }).click();
    await eventually(() => theirs.field('Call to action').inputValue()).toBe(before);
    await mine.tab('Content').focus();
    await one.page.keyboard.press('Control+Shift+Z');
    await eventually(() => theirs.field('Call to action').inputValue()).toBe('Give now');
    await one.page.keyboard.press('Control+Z');
    await eventually(() => theirs.field('Call to action').inputValue()).toBe(before);
    expect(await mine.field('Footer').inputValue()).toBe('By somebody else');
  });

  it('D131 says what is likely not meant: a text that cannot be read, an end before the start, a negative goal, no colour', async () => {
    const { page } = await stage.open('/?campaign=ovasabi_website');
    const { field, tab } = consolePage(page);
    await field('Starts (UTC)').fill('2027-02-03T04:05');
    await field('Ends (UTC)').fill('2027-02-03T04:04');
    await page.getByText('The campaign ends before it starts.').waitFor();
    await field('Ends (UTC)').fill('2027-02-03T04:06');
    await eventually(() => page.getByText('The campaign ends before it starts.').count()).toBe(0);
    await tab('Features').click();
    const goal = field('Goal').first();
    const before = await goal.inputValue();
    await goal.fill('-1');
    await page.getByText('Goal must be at least 0').waitFor();
    await goal.fill(before);
    await eventually(() => page.getByText('Goal must be at least 0').count()).toBe(0);

    await tab('Theme').click();
    await field('Background').fill('#fff');
    await field('Text').fill('rgb(230 230 230)');
    await page.getByText('Hard to read: its contrast with the background is 1.2; 4.5 is needed.').waitFor();
    await field('Text').fill('hotpnk');
    await page.getByText(/^This is no colour/).waitFor();
    await field('Text').fill('#16181d');
    await eventually(() => page.locator('.field-advice').count()).toBe(0);
  });
});
