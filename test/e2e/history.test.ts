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
});
