import { describe, expect, it } from 'vitest';
import { consolePage, versionOf } from './support/console-page.ts';
import { eventually } from './support/eventually.ts';
import { useStage } from './support/stage.ts';

const stage = useStage();

describe('editing', () => {
  it('D1 shows what is typed in the audience pane, in another tab and on the page alone', async () => {
    const [one, two, alone] = await Promise.all([
      stage.open(),
      stage.open(),
      stage.open('/audience.html?campaign=ovasabi_website'),
    ]);
    const console1 = consolePage(one.page);
    const console2 = consolePage(two.page);
    await console1.field('Banner').fill('Come as you are');
    await eventually(() => console1.banner.innerText()).toBe('Come as you are');
    await eventually(() => console2.banner.innerText()).toBe('Come as you are');
    await eventually(() => console2.field('Banner').inputValue()).toBe('Come as you are');
    await eventually(() => alone.page.getByRole('heading', { level: 1 }).innerText()).toBe('Come as you are');
    await console2.field('Title').fill('Two people, one page');
    await eventually(() => console1.name.innerText()).toBe('Two people, one page');
    await eventually(() => console1.field('Title').inputValue()).toBe('Two people, one page');
  });

  it('D1 shows colours, corners and typeface', async () => {
    const { page } = await stage.open();
    const { tab, field, audience } = consolePage(page);
    await tab('Theme').click();
    await field('Primary').fill('#7a1f');
    await field('Primary').fill('#7a1f3');
    await field('Primary').fill('#7a1f3d');
    await page.getByRole('radio', { name: 'serif' }).check();
    const colour = () => audience.locator('.poster').evaluate((poster) => getComputedStyle(poster).backgroundColor);
    await eventually(colour).toBe('rgb(122, 31, 61)');
    await eventually(() => audience.locator('.page').getAttribute('data-font')).toBe('serif');
  });

  it('D1 shows dates as they are edited, and drops half a colour when its field is left', async () => {
    const { page } = await stage.open('/?campaign=skerry_bay_lifeboat');
    const { tab, field, audience } = consolePage(page);
    await field('Ends (UTC)').fill('2001-01-01T00:00');
    await audience.getByText('The time has come.').waitFor();
    await tab('Theme').click();
    const before = await field('Accent').inputValue();
    await field('Accent').fill('#ff');
    await field('Accent').blur();
    expect(await field('Accent').inputValue()).toBe(before);
  });

  it('D2 measures a change: painted in the other pane, and saved', async () => {
    const { page } = await stage.open();
    const { field, badge, audience } = consolePage(page);
    await audience.getByRole('heading', { level: 1 }).waitFor();
    await eventually(() => versionOf(page)).toBeGreaterThan(0);
    expect(await badge.innerText()).not.toContain('shown');
    const before = await versionOf(page);
    await field('Call to action').fill('Take a seat');
    await eventually(async () => (await badge.innerText()).replaceAll(/\s+/g, ' ')).toMatch(
      /^v\d+ shown \d+ ms saved \d+ ms$/,
    );
    await eventually(() => versionOf(page)).toBe(before + 1);
    await audience.getByRole('button', { name: 'Take a seat' }).waitFor();
  });

  it('D3 makes two mutations of quick typing, keeps every letter, and takes all of it back as one step', async () => {
    const { page } = await stage.open('about:blank');
    await page.clock.install();
    await page.goto(stage.server.url);
    const { field, name } = consolePage(page);
    await field('Title').waitFor();
    await eventually(() => versionOf(page)).toBeGreaterThan(0);
    await eventually(async () => (await name.innerText()) === (await field('Title').inputValue())).toBe(true);
    const [title, before] = [await field('Title').inputValue(), await versionOf(page)];
    const text = 'A sentence of some length, typed by hand';

    // However slow the machine is: no time passes for the page while it is typed.
    await page.clock.pauseAt((await page.evaluate(() => Date.now())) + 5_000);
    await field('Title').click();
    await page.keyboard.press('ControlOrMeta+A');
    await page.keyboard.type(text);
    await eventually(() => name.innerText()).toBe('A');
    await eventually(() => versionOf(page)).toBe(before + 1);
    await page.clock.runFor(300);
    await eventually(() => name.innerText()).toBe(text);
    await eventually(() => versionOf(page)).toBe(before + 2);

    await page.clock.resume();
    await page.getByRole('button', { name: 'Undo' }).click();
    await eventually(() => name.innerText()).toBe(title);
    expect(await field('Title').inputValue()).toBe(title);
    expect(await page.getByRole('button', { name: 'Undo' }).isDisabled()).toBe(true);
  });

  it('D4 holds what is typed while somebody else’s words arrive, until the person has chosen', async () => {
    const [one, two] = await Promise.all([stage.open(), stage.open()]);
    const mine = consolePage(one.page);
    const theirs = consolePage(two.page);
    // A refused value stays in its field, unsettled, for as long as the test needs it.
    await mine.field('Title').fill('');
    await one.page.locator('.field-error').waitFor();
    await theirs.field('Title').fill('Theirs');
    await one.page.getByText('Somebody else wrote Theirs while you typed.').waitFor();
    expect(await mine.field('Title').inputValue()).toBe('');

    await mine.field('Title').fill('Mine');
    await mine.field('Banner').fill('Sent later than the held title');
    await eventually(() => theirs.banner.innerText()).toBe('Sent later than the held title');
    expect(await theirs.field('Title').inputValue()).toBe('Theirs');

    await one.page.getByRole('button', { name: 'Keep mine' }).click();
    await eventually(() => theirs.field('Title').inputValue()).toBe('Mine');
  });

  it('D4 keeps back what is being typed while somebody else’s words arrive', async () => {
    const [one, two] = await Promise.all([stage.open('about:blank'), stage.open()]);
    const { page } = one;
    await page.clock.install();
    await page.goto(stage.server.url);
    const mine = consolePage(page);
    const theirs = consolePage(two.page);
    await eventually(() => versionOf(page)).toBeGreaterThan(0);
    await page.clock.pauseAt((await page.evaluate(() => Date.now())) + 5_000);
    await mine.field('Title').click();
    await page.keyboard.press('ControlOrMeta+A');
    await page.keyboard.type('Mi');
    await eventually(() => theirs.field('Title').inputValue()).toBe('M');
    await theirs.field('Title').fill('Theirs');
    await page.getByText('Somebody else wrote Theirs while you typed.').waitFor();
    await page.keyboard.type('ne');
    await page.clock.runFor(2_000);
    expect(await mine.field('Title').inputValue()).toBe('Mine');
    expect(await theirs.field('Title').inputValue()).toBe('Theirs');
    await page.getByRole('button', { name: 'Keep mine' }).click();
    await eventually(() => theirs.field('Title').inputValue()).toBe('Mine');
  });

  it('D4 takes somebody else’s words over what was typed here, if the person says so', async () => {
    const [one, two] = await Promise.all([stage.open(), stage.open()]);
    const mine = consolePage(one.page);
    await mine.field('Title').fill('');
    await one.page.locator('.field-error').waitFor();
    await consolePage(two.page).field('Title').fill('Theirs again');
    await one.page.getByRole('button', { name: 'Take theirs' }).click();
    await eventually(() => mine.field('Title').inputValue()).toBe('Theirs again');
    await eventually(() => one.page.getByRole('button', { name: 'Keep mine' }).count()).toBe(0);
  });

  it('D5 keeps a refused title in its field, says why, and takes the next one', async () => {
    const { page } = await stage.open();
    const { field, name } = consolePage(page);
    await field('Title').waitFor();
    const before = await field('Title').inputValue();
    await field('Title').fill('');
    await page.locator('.field-error').waitFor();
    expect(await field('Title').inputValue()).toBe('');
    await eventually(() => name.innerText()).toBe(before);
    await field('Title').fill('A title again');
    await eventually(() => name.innerText()).toBe('A title again');
    await eventually(() => page.locator('.field-error').count()).toBe(0);
  });
});
