import { describe, expect, it } from 'vitest';
import { consolePage } from './support/console-page.ts';
import { eventually } from './support/eventually.ts';
import { useStage } from './support/stage.ts';

const stage = useStage();

describe('archiving', () => {
  it('D17 asks first, closes every field for everyone, and is taken back', async () => {
    const [one, two] = await Promise.all([
      stage.open('/?campaign=slow_letter_referral'),
      stage.open('/?campaign=slow_letter_referral'),
    ]);
    const mine = consolePage(one.page);
    const theirs = consolePage(two.page);
    await theirs.field('Title').waitFor();

    await mine.tab('Details').click();
    await one.page.getByRole('button', { name: 'Archive…' }).click();
    await one.page
      .getByRole('dialog', { name: 'Archive this campaign?' })
      .getByRole('button', { name: 'Cancel' })
      .click();
    expect(await theirs.field('Title').isDisabled()).toBe(false);

    await one.page.getByRole('button', { name: 'Archive…' }).click();
    await one.page.getByLabel(/^Why/).fill('The season is over');
    await one.page.getByRole('button', { name: 'Archive it' }).click();
    for (const { page } of [one, two]) await page.getByText(/^Archived .*read-only\.$/).waitFor();
    await eventually(() => theirs.field('Title').isDisabled()).toBe(true);
    expect(await theirs.banner.innerText()).toBe('Sundays are for reading.');
    await one.page.getByRole('region', { name: 'The open campaign' }).getByText('archived').waitFor();
    await mine.tab('History').click();
    await eventually(() => mine.rows.first().innerText()).toMatch(/archived it[^]*The season is over/);

    await two.page.getByRole('button', { name: 'Restore…' }).click();
    await two.page.getByRole('button', { name: 'Restore it' }).click();
    await eventually(() => theirs.field('Title').isDisabled()).toBe(false);
    await theirs.field('Banner').fill('Sundays again');
    await eventually(() => mine.banner.innerText()).toBe('Sundays again');
  });
});
