import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createCampaignClient, type JsonObject } from '../../client-sdk/src/index.ts';
import { axeFaults } from '../tools/axe.ts';
import { consolePage, versionOf } from './support/console-page.ts';
import { eventually } from './support/eventually.ts';
import { holdableNews } from './support/holdable-news.ts';
import { press } from './support/press.ts';
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
    await page.getByRole('button', { name: 'Restore it' }).click();
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

  it('D163 a version that is previewed says so, and is restored after a dry run that shows what will change', async () => {
    const [{ page, errors }, other] = await Promise.all([
      stage.open('/?campaign=murmur_radio_launch', { bypassCSP: true, reducedMotion: 'reduce' }),
      stage.open('/?campaign=murmur_radio_launch'),
    ]);
    const { tab, field, rows, saved, banner, name } = consolePage(page);
    const button = (words: string) => page.getByRole('button', { name: words, exact: true });
    await field('Banner').waitFor();
    const before = await banner.innerText();
    await field('Banner').fill('A banner to be regretted');
    await saved.waitFor();
    await tab('History').click();
    await rows.last().locator('summary').click();
    await button('Preview').click();
    await eventually(() => banner.innerText()).toBe(before);
    await page.getByText(/^Preview of version 1 by system, .*The audience sees v2\.$/).waitFor();
    await eventually(() => axeFaults(page)).toEqual([]);

    const dialog = page.getByRole('dialog', { name: 'Restore version 1?' });
    const bar = page.locator('.version-bar');
    await press(bar.getByRole('button', { name: 'Restore version 1' }), 'Enter');
    await eventually(() => dialog.locator('del').allInnerTexts()).toEqual(['A banner to be regretted']);
    expect(await dialog.locator('ins').allInnerTexts()).toEqual([before]);
    // What somebody else does meanwhile is shown before it is undone.
    await consolePage(other.page).field('Title').fill('Edited over there');
    await eventually(() => dialog.locator('dt').allInnerTexts()).toEqual(['title', 'ui_content.banner']);
    await eventually(() => axeFaults(page)).toEqual([]);
    await dialog.getByLabel(/^Why/).fill('It was not what we had agreed');
    await press(dialog.getByLabel(/^Why/), 'Enter');
    await dialog.waitFor({ state: 'hidden' });
    await eventually(() => rows.first().innerText()).toMatch(/went back[^]*Back to v1: It was not what we had agreed/);
    // What was previewed is live by now.
    await bar.waitFor({ state: 'detached' });
    await eventually(() => page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toBe(
      'The page as its audience sees it',
    );
    await eventually(() => name.innerText()).not.toBe('Edited over there');
    expect(await banner.innerText()).toBe(before);

    await rows.last().getByRole('button', { name: 'Restore version 1' }).click();
    await dialog.getByText('Nothing: the campaign says what it said then.').waitFor();
    expect(await button('Restore it').isDisabled()).toBe(true);
    expect(errors).toEqual([]);
  });

  it('D163 is restored also while others change the campaign all the time', async () => {
    const colleague = createCampaignClient({ url: stage.server.url });
    const campaignId = 'busy_campaign';
    const state = { slug: campaignId, title: 'Busy', ui_content: { banner: 'As agreed' } };
    await colleague.trpc.campaign.create.mutate({ campaignId, state });
    const { page, errors } = await stage.open(`/?campaign=${campaignId}`);
    const news = await holdableNews(page);
    const { tab, field, rows, saved } = consolePage(page);
    await field('Banner').fill('A banner to be regretted');
    await saved.waitFor();
    await tab('History').click();
    await press(page.getByRole('button', { name: 'Restore version 1', exact: true }), 'Enter');
    const dialog = page.getByRole('dialog', { name: 'Restore version 1?' });
    const change = (title: string) => colleague.trpc.campaign.update.mutate({ campaignId, updates: { title } });
    let isOver = false;
    const busy = (async () => {
      for (let count = 0; !isOver; count += 1) {
        await change(`Title ${count}`);
        await pause(20);
      }
    })();
    try {
      await dialog.locator('del', { hasText: 'A banner to be regretted' }).waitFor();
      // Somebody is faster: what the page shows is no longer so when it asks.
      news.hold();
      await change('By somebody who was faster');
      const go = dialog.getByRole('button', { name: /^Restore it/ });
      await press(go, 'Enter');
      news.release();
      await dialog.getByText(/restore it whatever comes/).waitFor();
      await press(go, 'Enter');
      await dialog.waitFor({ state: 'hidden' });
    } finally {
      isOver = true;
      await busy;
      colleague.close();
    }
    await rows.filter({ hasText: 'went back' }).first().waitFor();
    expect(errors).toEqual([]);
  });

  it('D163 a dialog stays, whatever happens to the rows below it meanwhile', async () => {
    const colleague = createCampaignClient({ url: stage.server.url });
    const campaignId = 'crowded_campaign';
    const state = { slug: campaignId, title: 'Crowded' };
    await colleague.trpc.campaign.create.mutate({ campaignId, state });
    const change = (updates: JsonObject) => colleague.trpc.campaign.update.mutate({ campaignId, updates });
    await change({ description: 'Since then' });
    const { page, errors } = await stage.open(`/?campaign=${campaignId}`);
    const news = await holdableNews(page);
    const { tab, rows } = consolePage(page);
    await tab('History').click();
    await press(page.getByRole('button', { name: 'Restore version 1', exact: true }), 'Enter');
    const dialog = page.getByRole('dialog', { name: 'Restore version 1?' });
    await dialog.locator('del', { hasText: 'Since then' }).waitFor();
    await dialog.getByLabel('Why').fill('Half a sentence');
    // More than the page keeps of what comes, and than a page of history holds: the row is not among those loaded.
    news.hold();
    for (let count = 0; count < 260; count += 1)
      await change(count % 2 ? { title: `Title ${count}` } : { tags: [`t${count}`] });
    news.release();
    await rows.filter({ hasText: 'v262' }).waitFor();
    expect(await dialog.getByLabel('Why').inputValue()).toBe('Half a sentence');
    await press(dialog.getByLabel('Why'), 'Enter');
    await dialog.waitFor({ state: 'hidden' });
    await rows.filter({ hasText: 'Back to v1: Half a sentence' }).first().waitFor();
    colleague.close();
    expect(errors).toEqual([]);
  });

  it('D164 asks why, where a status is changed, or campaigns are archived together', async () => {
    const { page, errors } = await stage.open('/?campaign=slow_letter_referral', { bypassCSP: true });
    const { tab, field, rows } = consolePage(page);
    const button = (words: string) => page.getByRole('button', { name: words, exact: true });
    const status = page.getByRole('group', { name: 'Status', exact: true });
    const notice = page.locator('.audience-pane .page-notice');
    await notice.waitFor();
    await status.getByRole('radio', { name: 'active' }).check();
    await page.getByText('The page will be open to its audience.').waitFor();
    // Nothing has happened yet, and nothing does.
    expect(await notice.innerText()).toBe('A draft: this page is not published yet.');
    await eventually(() => axeFaults(page)).toEqual([]);
    await press(button('Leave it draft'), 'Enter');
    await eventually(() => page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toBe(
      'Status of the campaign',
    );
    expect(await status.getByRole('radio', { name: 'draft' }).isChecked()).toBe(true);
    await status.getByRole('radio', { name: 'active' }).check();
    await field('Why, for the history (optional)').fill('The board has agreed');
    await page.keyboard.press('Enter');
    await notice.waitFor({ state: 'detached' });
    await tab('History').click();
    await eventually(() => rows.first().innerText()).toMatch(/status[^]*active[^]*The board has agreed/);

    await button('Choose several').click();
    await page.getByRole('checkbox', { name: /^Choose The Slow Letter/ }).check();
    await button('Archive…').click();
    await field('Why, for the history (optional)').fill('The season is over');
    await button('Archive them').click();
    await eventually(() => rows.first().innerText()).toMatch(/archived it[^]*The season is over/);
    expect(errors).toEqual([]);
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
    await button('Back to live').click();
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
    await dialog.getByRole('checkbox').first().waitFor();
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
