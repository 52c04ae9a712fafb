import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { axeFaults } from '../tools/axe.ts';
import type { Page } from '../tools/browser.ts';
import { consolePage } from './support/console-page.ts';
import { enterAs, type Person } from './support/enter-as.ts';
import { eventually } from './support/eventually.ts';
import { useStage } from './support/stage.ts';

const AUTH_SECRET = randomBytes(32).toString('hex');
const folder = await mkdtemp(join(tmpdir(), 'campaign-state-snapshots-'));
const stage = useStage({ AUTH_SECRET, SNAPSHOT_DIR: folder });
afterAll(() => rm(folder, { recursive: true, force: true }));

async function openAs(person: Person) {
  // What is checked with is a script that the page's policy would refuse.
  const tab = await stage.open('/', { bypassCSP: true, reducedMotion: 'reduce' });
  await enterAs(tab.page, person, AUTH_SECRET);
  return { ...tab, ...consolePage(tab.page) };
}

async function expectNoFaults(page: Page, state: string): Promise<void> {
  await eventually(() => axeFaults(page).then((faults) => (faults.length === 0 ? state : faults))).toBe(state);
}

describe('axe finds nothing', () => {
  it('D38 in any tab, in light and dark, open to an editor or closed to a viewer', async () => {
    const [root, viewer] = await Promise.all([
      openAs({ id: 'root', name: 'Mary Root', role: 'admin' }),
      openAs({ id: 'vera', name: 'Vera', role: 'viewer' }),
    ]);
    for (const colorScheme of ['light', 'dark'] as const) {
      await root.page.emulateMedia({ colorScheme });
      for (const name of [
        'Content',
        'Features',
        'Forms',
        'Theme',
        'Details',
        'Audience',
        'Results',
        'JSON',
        'History',
      ]) {
        await root.tab(name).click();
        await expectNoFaults(root.page, `${colorScheme} ${name}`);
      }
    }
    await expectNoFaults(viewer.page, 'what a viewer sees');
  });

  it('D38 where somebody else has the lock, in a rule with its arms, refused or shipped, in the past, and in operations', async () => {
    const [ada, root] = await Promise.all([
      openAs({ id: 'ada', name: 'Ada Lovelace', role: 'editor' }),
      openAs({ id: 'root', name: 'Mary Root', role: 'admin' }),
    ]);
    const { page, tab, rows } = root;
    const button = (name: string) => page.getByRole('button', { name, exact: true });
    await ada.page.getByRole('button', { name: 'Lock words of the page' }).click();
    await ada.field('Banner').focus();
    await page.locator('.person', { hasText: 'Ada Lovelace' }).first().waitFor();
    await page.getByText('Ada Lovelace is editing this').waitFor();
    await expectNoFaults(page, 'locked');

    await tab('Audience').click();
    await page.getByLabel('Add a rule').fill('price');
    await page.keyboard.press('Enter');
    await button('Add a condition').click();
    await page.getByLabel('Add an arm').fill('lower');
    await page.keyboard.press('Enter');
    await page.getByText('Changes nothing yet').first().click();
    await page.getByLabel('Divided by').fill('');
    await button('Save').click();
    await page.getByRole('alert').waitFor();
    await expectNoFaults(page, 'a rule that was refused');
    await page.getByLabel('Divided by').fill('userId');
    await button('Save').click();
    await button('Ship lower…').click();
    await expectNoFaults(page, 'before it is shipped');
    await page.keyboard.press('Escape');

    await tab('History').click();
    await rows.first().locator('summary').click();
    await button('Compare…').click();
    await page.getByRole('dialog').getByRole('table').or(page.getByText('Both say the same.')).waitFor();
    await expectNoFaults(page, 'two versions');
    await page.getByRole('radio', { name: 'page' }).check();
    await expectNoFaults(page, 'two pages');
    await page.keyboard.press('Escape');
    await page.setViewportSize({ width: 360, height: 740 });
    await button('Operations').click();
    await button('Verify this campaign').click();
    await page.getByText('Everything fits.').waitFor();
    await expectNoFaults(page, 'operations');
    expect([...ada.errors, ...root.errors]).toEqual([]);
  });

  it('D38 in the list and its states, the palette, the keys, the tour, the panel for apps, and where a campaign is missing', async () => {
    const { page, tab, field, errors } = await openAs({ id: 'root', name: 'Mary Root', role: 'admin' });
    const command = async (name: string) => {
      await page.keyboard.press('ControlOrMeta+K');
      await page.getByPlaceholder('A campaign, a tab, an action').fill(name);
      await page.getByRole('option', { name }).click();
    };
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await page.getByText('Filter and sort').click();
      await page.getByRole('button', { name: 'Choose several' }).click();
      await page.locator('.campaigns-scroll input[type=checkbox]').first().check();
      await expectNoFaults(page, `${colorScheme} several campaigns, filters open`);
      await page.locator('.bulk').getByRole('button', { name: 'Cancel' }).click();
      await page.getByText('Filter and sort').click();
      await field('New campaign').fill('Ovasabi website');
      await page.getByRole('button', { name: 'Create' }).click();
      await page.getByText('There is a campaign ovasabi_website already').waitFor();
      await expectNoFaults(page, `${colorScheme} an id that is taken`);
      await field('New campaign').fill('');
      await page.keyboard.press('ControlOrMeta+K');
      await page.getByPlaceholder('A campaign, a tab, an action').fill('a');
      await page.getByRole('option').first().waitFor();
      await expectNoFaults(page, `${colorScheme} the palette`);
      await page.keyboard.press('Escape');
      await command('Keyboard shortcuts');
      await expectNoFaults(page, `${colorScheme} the keys`);
      await page.keyboard.press('Escape');
      await command('Connect your app');
      await page.getByRole('region', { name: 'Lines for React' }).waitFor();
      await expectNoFaults(page, `${colorScheme} the panel for apps`);
      await page.keyboard.press('Escape');
      await command('Take the tour of one minute');
      await expectNoFaults(page, `${colorScheme} the tour`);
      await page.getByRole('button', { name: 'Leave' }).click();
    }
    await tab('Details').click();
    await page.getByRole('button', { name: 'Archive…' }).click();
    await page.getByRole('button', { name: 'Archive it' }).click();
    await page.getByText(/^Archived .*read-only\.$/).waitFor();
    // What had the focus is gone.
    await eventually(() => page.evaluate(() => document.activeElement?.id)).toBe('editor');
    await expectNoFaults(page, 'archived');
    await page.goto(new URL('/?campaign=nobody_made_this', stage.server.url).href);
    await page.getByRole('button', { name: 'Search campaigns' }).waitFor();
    await expectNoFaults(page, 'missing');
    await page.context().setOffline(true);
    await page.getByText('Offline').first().waitFor();
    await expectNoFaults(page, 'offline');
    await page.context().setOffline(false);
    await page.goto(new URL('/nowhere', stage.server.url).href);
    await expectNoFaults(page, 'not found');
    expect(errors.filter((words) => !/404|ERR_INTERNET_DISCONNECTED|409/.test(words))).toEqual([]);
  });
});
