import { describe, expect, it } from 'vitest';
import { consolePage, versionOf } from './support/console-page.ts';
import { eventually } from './support/eventually.ts';
import { useStage } from './support/stage.ts';

const stage = useStage();

describe('the history', () => {
  it('D7 lists who, what and when, opens to the difference, and goes back', async () => {
    const { page } = await stage.open();
    const { tab, field, rows, saved, banner } = consolePage(page);
    await field('Banner').waitFor();
    const before = await field('Banner').inputValue();
    await field('Banner').fill('A banner to be regretted');
    await saved.waitFor();
    await tab('History').click();
    await eventually(() => rows.first().innerText()).toMatch(/ui_content\.banner[^]*A banner to be regretted[^]*dev/);
    expect(await rows.first().locator('time').getAttribute('datetime')).toMatch(/^\d{4}-\d\d-\d\dT/);

    await rows.first().locator('summary').click();
    await eventually(() => rows.first().locator('del').innerText()).toBe(before);
    expect(await rows.first().locator('ins').innerText()).toBe('A banner to be regretted');

    const version = await versionOf(page);
    await page.getByRole('button', { name: 'Restore version 1', exact: true }).click();
    await eventually(() => banner.innerText()).toBe(before);
    await eventually(() => rows.first().innerText()).toMatch(/went back[^]*Back to v1/);
    await eventually(() => versionOf(page)).toBe(version + 1);
    expect(await consolePage(page).badge.innerText()).toMatch(/made here/);
  });

  it('D7 shows somebody else’s edit as it happens, and the badge does not claim it', async () => {
    const [one, two] = await Promise.all([stage.open(), stage.open()]);
    const mine = consolePage(one.page);
    await mine.field('Call to action').fill('My own edit');
    await eventually(() => mine.badge.innerText()).toMatch(/saved/);
    await mine.tab('History').click();
    await consolePage(two.page).field('Title').fill('Edited over there');
    await eventually(() => mine.rows.first().innerText()).toMatch(/title[^]*Edited over there/);
    await eventually(() => mine.badge.innerText()).toMatch(/from another editor/);
  });

  it('D35 is searched by person, place and day; any two versions stand side by side; any is previewed, and copied', async () => {
    const { page, errors } = await stage.open('/?campaign=skerry_bay_lifeboat');
    const { tab, field, rows, saved, banner, name } = consolePage(page);
    const button = (words: string) => page.getByRole('button', { name: words, exact: true });
    await field('Banner').waitFor();
    const before = await banner.innerText();
    await field('Banner').fill('Launched at last');
    await saved.waitFor();
    await field('Title').fill('The lifeboat');
    await eventually(() => name.innerText()).toBe('The lifeboat');
    await saved.waitFor();
    await tab('History').click();
    await eventually(() => rows.count()).toBe(3);

    await field('Place').fill('title');
    await eventually(() => rows.allInnerTexts()).toEqual([
      expect.stringMatching(/^v3\s+title/),
      expect.stringMatching(/^v1\s+created/),
    ]);
    await field('Person').fill('system');
    await eventually(() => rows.allInnerTexts()).toEqual([expect.stringMatching(/^v1/)]);
    await field('To').fill('2001-01-01');
    await page.getByText('Nothing of that kind has happened.').waitFor();
    await button('Show everything').click();
    await eventually(() => rows.count()).toBe(3);

    await rows.last().locator('summary').click();
    await button('Preview').click();
    await eventually(() => banner.innerText()).toBe(before);
    expect(await name.innerText()).not.toBe('The lifeboat');
    await button('As it was at v1 ×').click();
    await eventually(() => banner.innerText()).toBe('Launched at last');

    await button('Compare…').click();
    const dialog = page.getByRole('dialog', { name: 'Two versions side by side' });
    await eventually(() => dialog.getByRole('row').count()).toBe(3);
    await page.getByLabel('Right, version').fill('2');
    await eventually(() => dialog.getByRole('row').allInnerTexts()).toEqual([
      expect.stringMatching(/v1\s+v2/),
      expect.stringMatching(/ui_content\.banner[^]*Launched at last/),
    ]);
    await dialog.getByRole('radio', { name: 'page' }).check();
    await eventually(() => dialog.locator('h1').allInnerTexts()).toEqual([before, 'Launched at last']);
    await page.keyboard.press('Escape');

    await button('Copy…').click();
    await field('Its name').fill('A second boat');
    await button('Copy it').click();
    await eventually(() => new URL(page.url()).searchParams.get('campaign')).toBe('a_second_boat');
    await eventually(() => banner.innerText()).toBe(before);
    expect(errors).toEqual([]);
  });

  it('D7 an admin redacts a value: first it has to go from the document, then it is gone from the history, which says so', async () => {
    const { page, errors } = await stage.open();
    const { tab, field, rows, saved } = consolePage(page);
    const button = (words: string) => page.getByRole('button', { name: words, exact: true });
    await field('Banner').fill('Call Ada at 020 7946 0018');
    await saved.waitFor();
    await tab('History').click();
    await rows.first().locator('summary').click();
    await button('Redact…').click();
    const dialog = page.getByRole('dialog', { name: /^Redact version/ });
    expect(await button('Redact for good').isDisabled()).toBe(true);
    // Typing brings several versions; what the last of them brought stands in the document.
    for (const box of await dialog.getByRole('checkbox').all()) await box.check();
    await button('Redact for good').click();
    await eventually(() => dialog.getByRole('alert').innerText()).toMatch(/remove it there first/);
    await button('Cancel').click();
    await tab('Content').click();
    await field('Banner').fill('Call us');
    await saved.waitFor();
    await tab('History').click();
    // Strokes at one place within a minute are one row.
    await rows.first().locator('summary').click();
    await button('Redact…').click();
    await dialog.getByLabel(/Ada/).check();
    await button('Redact for good').click();
    await dialog.waitFor({ state: 'hidden' });
    await eventually(() => page.locator('.history').innerText()).toMatch(/ui_content\.banner of v\d+: redacted by dev/);
    expect(await page.locator('.history').innerText()).not.toContain('020 7946');
    expect(errors).toEqual([]);
  });
});
