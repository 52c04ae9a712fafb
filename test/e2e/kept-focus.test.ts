import { describe, it } from 'vitest';
import type { Page } from '../tools/browser.ts';
import { consolePage } from './support/console-page.ts';
import { eventually } from './support/eventually.ts';
import { press } from './support/press.ts';
import { useStage } from './support/stage.ts';

const stage = useStage();

/** The name, the id or the words of what has the focus; `body` where it is lost. */
const focused = (page: Page) =>
  page.evaluate(() => {
    const element = document.activeElement;
    if (!(element instanceof HTMLElement) || element === document.body) return 'body';
    const label = element instanceof HTMLInputElement ? element.labels?.[0]?.textContent : undefined;
    return element.getAttribute('aria-label') ?? label ?? (element.id || element.innerText);
  });

describe('the focus', () => {
  it('D52 has a place after the tour, whichever way it ends', async () => {
    const { page } = await stage.open('/', { isNew: true });
    const tour = page.getByRole('complementary');
    await consolePage(page).field('Title').waitFor();
    await press(tour.getByRole('button', { name: 'Take it' }), 'Enter');
    await press(tour.getByRole('button', { name: 'Leave' }), 'Enter');
    await eventually(() => focused(page)).toBe('Edit Ovasabi opens its doors');
    await page.evaluate(() => localStorage.removeItem('campaign-state-tour'));
    await page.reload();
    await consolePage(page).field('Title').waitFor();
    await press(tour.getByRole('button', { name: 'Not now' }), 'Enter');
    await eventually(() => focused(page)).toBe('Edit Ovasabi opens its doors');
  });

  it('D52 has a place when several are chosen, and no more', async () => {
    const { page } = await stage.open();
    const button = (name: string) => page.getByRole('button', { name, exact: true });
    await press(button('Choose several'), 'Enter');
    await eventually(() => focused(page)).toBe('Several campaigns');
    await page
      .getByRole('checkbox', { name: /^Choose / })
      .first()
      .check();
    await press(button('Archive…'), 'Enter');
    await press(button('Archive them'), 'Enter');
    await eventually(() => focused(page)).toBe('With the list');
    await press(button('Choose several'), 'Enter');
    await press(button('Cancel'), 'Enter');
    await eventually(() => focused(page)).toBe('With the list');
  });

  it('D52 has a place when a report is dismissed, a title was taken, or filters are cleared', async () => {
    const { page } = await stage.open();
    const { field } = consolePage(page);
    const button = (name: string) => page.getByRole('button', { name, exact: true });
    await field('Title').waitFor();
    await page.getByLabel('Files of campaigns').setInputFiles({
      name: 'none.json',
      mimeType: 'application/json',
      buffer: Buffer.from('{}'),
    });
    await press(button('Dismiss'), 'Enter');
    await eventually(() => focused(page)).toBe('Import');

    await field('New campaign').fill('Another one');
    await field('Its id, for good').fill('skerry_bay_lifeboat');
    await press(button('Create'), 'Enter');
    await page.getByText('There is a campaign skerry_bay_lifeboat already').waitFor();
    await eventually(() => focused(page)).toBe('New campaign');
    await press(button('Duplicate'), 'Enter');
    await press(button('Not a duplicate'), 'Enter');
    await eventually(() => focused(page)).toMatch(/^New campaign/);

    await page.getByText('Filter and sort').click();
    await page.getByLabel('Filter by tag').fill('nothing has it');
    await press(button('Clear filters'), 'Enter');
    await eventually(() => focused(page)).toBe('Search campaigns');
    await field('Search campaigns').fill('nothing is called that');
    await press(button('Show all campaigns'), 'Enter');
    await eventually(() => focused(page)).toBe('Search campaigns');
  });

  it('D52 has a place when a form has nothing more to save', async () => {
    const { page } = await stage.open('/?tab=audience');
    await page.getByLabel('Add a group').fill('checkout');
    await page.keyboard.press('Enter');
    await press(page.getByRole('button', { name: 'Save', exact: true }), 'Enter');
    await page.locator('.section-what', { hasText: 'no rule yet' }).waitFor();
    await eventually(() => focused(page)).not.toBe('body');
    await page.getByLabel('Add a segment').fill('some');
    await page.keyboard.press('Enter');
    await press(page.getByRole('button', { name: 'Discard', exact: true }), 'Enter');
    await eventually(() => focused(page)).toBe('Segments');
  });
});
