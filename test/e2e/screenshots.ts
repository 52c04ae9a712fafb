// Takes pictures of every state of the console and of the audience's page: `npm run screenshots [-- campaigns palette]`
// writes them into demo/screenshots, wide, at 360 pixels and in the dark.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { launchBrowser, type Browser, type Page } from '../tools/browser.ts';
import { buildDemo } from './support/build-demo.ts';
import { consolePage } from './support/console-page.ts';
import { createManyCampaigns } from './support/many-campaigns.ts';
import { startRealServer } from './support/real-server.ts';
import { skipTour } from './support/skip-tour.ts';

const folder = join(import.meta.dirname, '..', '..', 'demo', 'screenshots');

const LOOKS = [
  { name: 'wide', width: 1440, height: 900, colorScheme: 'light' },
  { name: 'narrow', width: 360, height: 740, colorScheme: 'light' },
  { name: 'dark', width: 1440, height: 900, colorScheme: 'dark' },
] as const;

/** How many campaigns the list has. */
const MANY = 500;

interface State {
  readonly name: string;
  readonly path?: string;
  /** What is done before the picture is taken. */
  readonly enter?: (page: Page, isNarrow: boolean) => Promise<void>;
  /** Whether the tour is offered, as to somebody new. */
  readonly isNew?: boolean;
}

const command = async (page: Page, name: string): Promise<void> => {
  await page.keyboard.press('ControlOrMeta+K');
  await page.getByPlaceholder('A campaign, a tab, an action').fill(name);
  await page.getByRole('option', { name }).first().click();
};

const openList = async (page: Page, isNarrow: boolean): Promise<void> => {
  if (isNarrow) await page.getByRole('button', { name: 'All campaigns' }).click();
};

const STATES: readonly State[] = [
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
  ...['features', 'theme', 'details', 'audience', 'json', 'history'].map((tab) => ({
    name: `tab-${tab}`,
    path: `/?campaign=ovasabi_website&tab=${tab}`,
  })),
  { name: 'section', path: '/?campaign=ovasabi_website&tab=json&section=ui_content' },
  { name: 'version', path: '/?campaign=ovasabi_website&tab=history&version=1' },
  { name: 'audience', path: '/audience.html?campaign=skerry_bay_lifeboat' },
];

async function take(browser: Browser, url: string, state: State, look: (typeof LOOKS)[number]): Promise<void> {
  const { width, height, colorScheme } = look;
  const context = await browser.newContext({ viewport: { width, height }, colorScheme, reducedMotion: 'reduce' });
  try {
    if (state.isNew !== true) await skipTour(context);
    const page = await context.newPage();
    await page.goto(new URL(state.path ?? '/?campaign=ovasabi_website', url).href);
    const { audience } = consolePage(page);
    if (state.path === undefined || state.path.includes('ovasabi'))
      await audience.getByRole('heading').nth(1).waitFor();
    await state.enter?.(page, look.name === 'narrow');
    await page.waitForTimeout(500);
    await page.screenshot({ path: join(folder, `${state.name}-${look.name}.png`) });
  } finally {
    await context.close();
  }
}

const wanted = process.argv.slice(2);
if (process.env['SCREENSHOTS_BUILT'] === undefined) await buildDemo();
mkdirSync(folder, { recursive: true });
const server = await startRealServer();
const browser = await launchBrowser();
try {
  await createManyCampaigns(server.url, MANY);
  for (const state of STATES) {
    if (wanted.length > 0 && !wanted.some((name) => state.name.startsWith(name))) continue;
    for (const look of LOOKS)
      await take(browser, server.url, state, look).then(
        () => process.stdout.write(`${state.name}-${look.name}.png\n`),
        (error: Error) => {
          process.stderr.write(`${state.name}, ${look.name}: ${error.message.split('\n')[0]}\n`);
          process.exitCode = 1;
        },
      );
  }
} finally {
  await browser.close();
  await server.stop();
}
