import { createCampaignClient } from '@campaign-state/client';
import type { Page } from '../../tools/browser.ts';
import { consolePage } from './console-page.ts';

/** A state of the console or of the audience's page, of which a picture is taken. */
export interface State {
  readonly name: string;
  readonly path?: string;
  /** What is done before the picture is taken. */
  readonly enter?: (page: Page, isNarrow: boolean, url: string) => Promise<void>;
  /** Whether the tour is offered, as to somebody new. */
  readonly isNew?: boolean;
}

/** Does something as somebody else. */
async function asColleague(
  url: string,
  work: (colleague: ReturnType<typeof createCampaignClient>) => Promise<unknown>,
): Promise<void> {
  const colleague = createCampaignClient({ url });
  try {
    await work(colleague);
  } finally {
    colleague.close();
  }
}

const command = async (page: Page, name: string): Promise<void> => {
  await page.keyboard.press('ControlOrMeta+K');
  await page.getByPlaceholder('A campaign, a tab, an action').fill(name);
  await page.getByRole('option', { name }).first().click();
};

const openList = async (page: Page, isNarrow: boolean): Promise<void> => {
  if (isNarrow) await page.getByRole('button', { name: 'All campaigns' }).click();
};

export const STATES: readonly State[] = [
  { name: 'console', isNew: true },
  { name: 'campaigns', enter: openList },
  {
    name: 'campaigns-searched',
    async enter(page, isNarrow) {
      await openList(page, isNarrow);
      await page.getByText('Filter and sort').click();
      await page.getByLabel('Search campaigns').fill('winter');
      await page.getByLabel('sorted by').selectOption('title');
      await page.waitForTimeout(600);
    },
  },
  {
    name: 'campaigns-none',
    async enter(page, isNarrow) {
      await openList(page, isNarrow);
      await page.getByLabel('Search campaigns').fill('nothing is called that');
      await page.getByText('Nothing like that.').waitFor();
    },
  },
  {
    name: 'campaigns-new',
    async enter(page, isNarrow) {
      await openList(page, isNarrow);
      await page.getByLabel('New campaign', { exact: true }).fill('日本の春');
      await page.waitForTimeout(600);
    },
  },
  {
    name: 'campaigns-several',
    async enter(page, isNarrow) {
      await openList(page, isNarrow);
      await page.getByRole('button', { name: 'Choose several' }).click();
      for (const box of await page
        .locator('.campaigns-scroll input[type=checkbox]')
        .all()
        .then((all) => all.slice(0, 3)))
        await box.check();
    },
  },
  { name: 'missing', path: '/?campaign=nobody_made_this' },
  { name: 'not-found', path: '/nowhere' },
  {
    name: 'palette',
    async enter(page) {
      await page.keyboard.press('ControlOrMeta+K');
      await page.getByPlaceholder('A campaign, a tab, an action').fill('te');
      await page.waitForTimeout(600);
    },
  },
  { name: 'shortcuts', enter: (page) => command(page, 'Keyboard shortcuts') },
  { name: 'tour', enter: (page) => command(page, 'Take the tour') },
  {
    name: 'tour-end',
    async enter(page) {
      await command(page, 'Take the tour');
      for (let next = 0; next < 4; next += 1) await page.getByRole('button', { name: 'Next' }).click();
      await page.getByRole('complementary').getByRole('button', { name: 'Kill server' }).waitFor();
    },
  },
  { name: 'connect', enter: (page) => command(page, 'Connect your app') },
  { name: 'operations', enter: (page) => command(page, 'Operations') },
  ...['features', 'forms', 'theme', 'details', 'audience', 'results', 'json', 'history'].map((tab) => ({
    name: `tab-${tab}`,
    path: `/?campaign=ovasabi_website&tab=${tab}`,
  })),
  { name: 'section', path: '/?campaign=ovasabi_website&tab=json&section=ui_content' },
  {
    name: 'section-completion',
    path: '/?campaign=ovasabi_website&tab=json&section=ui_content',
    async enter(page) {
      const text = page.getByLabel('ui_content as JSON');
      await text.fill('{}');
      await page.keyboard.press('ArrowLeft');
      await page.keyboard.press('Control+Space');
      await page.getByRole('listbox').getByRole('option').first().waitFor();
      await text.evaluate((element) => element.scrollIntoView({ block: 'center' }));
    },
  },
  { name: 'version', path: '/?campaign=ovasabi_website&tab=history&version=1' },
  {
    name: 'history-restore',
    path: '/?campaign=ovasabi_website&tab=history',
    async enter(page, _isNarrow, url) {
      await asColleague(url, (colleague) => colleague.campaign('ovasabi_website').update({ title: 'Another title' }));
      await page.getByRole('button', { name: 'Restore version 1', exact: true }).click();
      await page.getByRole('dialog').locator('del').first().waitFor();
    },
  },
  {
    name: 'history-compare',
    path: '/?campaign=ovasabi_website&tab=history',
    async enter(page) {
      await consolePage(page).rows.first().locator('summary').click();
      await page.getByRole('button', { name: 'Compare…' }).click();
      await page.getByRole('dialog').getByRole('table').or(page.getByText('Both say the same.')).waitFor();
    },
  },
  {
    name: 'history-none',
    path: '/?campaign=ovasabi_website&tab=history',
    async enter(page) {
      await page.getByLabel('Person').fill('nobody');
      await page.getByText('Nothing of that kind has happened.').waitFor();
    },
  },
  {
    name: 'pane-phone',
    async enter(page) {
      await page.getByRole('button', { name: 'View' }).click();
      await page.getByRole('radio', { name: 'Phone' }).check({ force: true });
      await page.getByRole('radio', { name: 'Dark' }).check({ force: true });
    },
  },
  {
    name: 'pane-share',
    async enter(page) {
      await page.getByRole('button', { name: 'Share…' }).click();
      await page.getByRole('dialog', { name: 'Share a preview' }).waitFor();
    },
  },
  {
    name: 'refused',
    async enter(page) {
      await consolePage(page).field('Title').fill('');
      await page.getByText('Title must not be empty.').waitFor();
    },
  },
  {
    name: 'conflict',
    async enter(page, _isNarrow, url) {
      const { field } = consolePage(page);
      await field('Footer').focus();
      await page.keyboard.press('End');
      await page.context().setOffline(true);
      await page.keyboard.type(' And mine');
      await asColleague(url, (colleague) =>
        colleague.campaign('ovasabi_website').update({ ui_content: { footer: `Theirs, at ${Date.now()}` } }),
      );
      await page.context().setOffline(false);
      await page.locator('.field-conflict').first().waitFor();
    },
  },
  {
    name: 'locked',
    async enter(page) {
      await page.getByRole('button', { name: 'Lock words of the page' }).click();
      await page.getByRole('button', { name: 'Unlock words of the page' }).waitFor();
    },
  },
  {
    name: 'offline',
    async enter(page) {
      await page.context().setOffline(true);
      await page.getByText('This device is offline.').waitFor();
    },
  },
  {
    name: 'archived',
    path: '/?campaign=archived_one&tab=details',
    async enter(page, _isNarrow, url) {
      await asColleague(url, async (colleague) => {
        const campaignId = 'archived_one';
        const state = { slug: 'archived-one', title: 'A campaign that is over' };
        await colleague.trpc.campaign.create.mutate({ campaignId, state }).catch(() => undefined);
        await colleague.trpc.campaign.archive.mutate({ campaignId }).catch(() => undefined);
      });
      await page.getByText(/^Archived .*read-only\.$/).waitFor();
    },
  },
  { name: 'audience', path: '/audience.html?campaign=skerry_bay_lifeboat' },
];
