// Takes the pictures of the README: `node test/e2e/screenshot.ts` writes docs/two-panes.png and
// docs/two-panes-dark.png.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { launchBrowser } from '../tools/browser.ts';
import { buildDemo } from './support/build-demo.ts';
import { consolePage } from './support/console-page.ts';
import { startRealServer } from './support/real-server.ts';

const docs = join(import.meta.dirname, '..', '..', 'docs');
const SCENES = [
  { colorScheme: 'light', file: 'two-panes.png', campaign: 'ovasabi_website', banner: 'Make it with other people.' },
  {
    colorScheme: 'dark',
    file: 'two-panes-dark.png',
    campaign: 'skerry_bay_lifeboat',
    banner: 'When the pager goes, she has to start.',
  },
] as const;

await buildDemo();
mkdirSync(docs, { recursive: true });
const server = await startRealServer();
const browser = await launchBrowser();
try {
  for (const { colorScheme, file, campaign, banner } of SCENES) {
    const page = await browser.newPage({
      viewport: { width: 1440, height: 900 },
      colorScheme,
      reducedMotion: 'reduce',
    });
    await page.goto(`${server.url}/?campaign=${campaign}`);
    const { field, badge, saved, banner: shown } = consolePage(page);
    await shown.waitFor();
    // The first change warms up what every later one uses; the figures in the picture are those of the last stroke.
    await field('Banner').click();
    await page.keyboard.press('ControlOrMeta+End');
    for (const key of ['!', 'Backspace']) {
      await page.keyboard.press(key);
      await badge.getByText(/saved \d+ ms/).waitFor();
      await saved.waitFor();
      await page.waitForTimeout(1_000);
    }
    await page.getByRole('heading', { level: 1, name: banner }).waitFor();
    await page.screenshot({ path: join(docs, file), caret: 'initial' });
    process.stdout.write(`docs/${file}: ${(await badge.innerText()).replaceAll(/\s+/g, ' ')}\n`);
    await page.close();
  }
} finally {
  await browser.close();
  await server.stop();
}
