import { describe, expect, it } from 'vitest';
import { consolePage } from './support/console-page.ts';
import { eventually } from './support/eventually.ts';
import { useStage } from './support/stage.ts';

const stage = useStage();

describe('campaigns', () => {
  it('D9 makes a campaign from a title, opens it, and lists it in other tabs', async () => {
    const { page } = await stage.open();
    const { field, banner, tab } = consolePage(page);
    await field('New campaign').fill('Été à Paris');
    await page.getByRole('button', { name: 'Create' }).click();
    await eventually(() => banner.innerText()).toBe('Été à Paris');
    expect(new URL(page.url()).searchParams.get('campaign')).toBe('ete_a_paris');
    await tab('History').click();
    await page.getByText('created the campaign').waitFor();

    const other = await stage.open('/?campaign=ete_a_paris');
    await eventually(() => consolePage(other.page).field('Title').inputValue()).toBe('Été à Paris');
    await other.page
      .getByRole('navigation', { name: 'Campaigns' })
      .getByRole('button', { name: 'Été à Paris' })
      .waitFor();
  });

  it('D9 says why a campaign cannot be made', async () => {
    const { page } = await stage.open();
    await consolePage(page).field('New campaign').fill('Ovasabi website');
    await page.getByRole('button', { name: 'Create' }).click();
    const fault = page.getByRole('navigation', { name: 'Campaigns' }).getByRole('alert');
    await fault.waitFor();
    await consolePage(page).field('New campaign').fill('Ovasabi website 2');
    await eventually(() => fault.count()).toBe(0);
  });

  it('D9 goes from one campaign to another and back, in both panes and in the address', async () => {
    const { page } = await stage.open();
    const { field, banner } = consolePage(page);
    await field('Title').waitFor();
    const first = await banner.innerText();
    await page.getByRole('button', { name: /A new lifeboat/ }).click();
    await eventually(() => banner.innerText()).toBe('When the pager goes, she has to start.');
    await eventually(() => field('Title').inputValue()).toBe('A new lifeboat for Skerry Bay');
    await page.goBack();
    await eventually(() => banner.innerText()).toBe(first);
  });

  it('D13 says that a campaign does not exist, in both panes and on the page alone', async () => {
    const { page } = await stage.open('/?campaign=nobody_made_this');
    await page.getByRole('heading', { name: 'This campaign cannot be opened' }).waitFor();
    await page.getByRole('heading', { name: 'This page cannot be shown' }).waitFor();
    const alone = await stage.open('/audience.html?campaign=nobody_made_this');
    await alone.page.getByRole('heading', { name: 'This page cannot be shown' }).waitFor();
    await page.getByRole('button', { name: /A new lifeboat/ }).click();
    await eventually(() => consolePage(page).banner.innerText()).toBe('When the pager goes, she has to start.');
  });
});
