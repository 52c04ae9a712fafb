// Takes pictures of every state of the console and of the audience's page: `npm run screenshots [-- campaigns palette]`
// writes them into demo/screenshots, wide, at 360 pixels and in the dark.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { launchBrowser, type Browser } from '../tools/browser.ts';
import { buildDemo } from './support/build-demo.ts';
import { consolePage } from './support/console-page.ts';
import { createManyCampaigns } from './support/many-campaigns.ts';
import { STATES, type State } from './support/pictured-states.ts';
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
    await state.enter?.(page, look.name === 'narrow', url);
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
