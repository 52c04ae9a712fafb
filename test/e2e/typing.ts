// Measures typing while others write: a document of 200 KB, twenty foreign changes a second, and one who types, in a
// field, in the JSON of a large section, and along a long history. `npm run measure:typing` prints for each the tasks
// over 50 ms, the time from a key to its paint, and what moved without being asked to. The demo has to be built
// (`npm run build -w demo`).
import { setTimeout as pause } from 'node:timers/promises';
import { createCampaignClient, type CampaignClient } from '@campaign-state/client';
import { launchBrowser, type Browser, type Page } from '../tools/browser.ts';
import { consolePage } from './support/console-page.ts';
import { startRealServer } from './support/real-server.ts';
import { skipTour } from './support/skip-tour.ts';

const CAMPAIGN = 'large';
const SCRIPTS = 70;
const CHANGES_PER_SECOND = 20;
const KEYS = 200;
/** Between two keys: somebody who types fast. */
const KEY_MS = 60;

interface Scene {
  readonly name: string;
  readonly path: string;
  /** Puts the focus where the keys go. */
  readonly enter: (page: Page) => Promise<void>;
  readonly keys: readonly string[];
}

const LETTERS = 'a quick brown fox '.split('');

const SCENES: readonly Scene[] = [
  {
    name: 'a title',
    path: `/?campaign=${CAMPAIGN}`,
    enter: (page) => consolePage(page).field('Title').click(),
    keys: LETTERS,
  },
  {
    name: 'the JSON of a section of 190 KB',
    path: `/?campaign=${CAMPAIGN}&tab=json&section=scripts`,
    async enter(page) {
      await page.locator('.cm-content').click();
      await page.keyboard.press('ControlOrMeta+Home');
      for (let line = 0; line < 3; line += 1) await page.keyboard.press('ArrowDown');
      await page.keyboard.press('End');
      await page.keyboard.press('ArrowLeft');
      await page.keyboard.press('ArrowLeft');
    },
    keys: LETTERS,
  },
  {
    name: 'along the history',
    path: `/?campaign=${CAMPAIGN}&tab=history`,
    enter: (page) => page.locator('.history-row summary').first().focus(),
    keys: ['ArrowDown', 'ArrowDown', 'ArrowDown', 'ArrowUp'],
  },
];

interface Measured {
  /** Durations of tasks over 50 ms, in milliseconds. */
  readonly tasks: number[];
  /** From each key to the frame that shows it, in milliseconds. */
  readonly keys: number[];
  /** The sum of what moved without input. */
  shift: number;
}

declare global {
  var measured: Measured;
}

/** Runs in the page: begins to observe. */
function observe(): void {
  const measured: Measured = { tasks: [], keys: [], shift: 0 };
  globalThis.measured = measured;
  const on = (type: string, take: (entry: PerformanceEntry) => void, more: PerformanceObserverInit = {}): void =>
    new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, ...more });
  on('longtask', ({ duration }) => measured.tasks.push(duration));
  // The least that there is; the types of the DOM do not know it.
  const least: PerformanceObserverInit & { durationThreshold: number } = { durationThreshold: 16 };
  on('event', ({ name, duration }) => name === 'keydown' && measured.keys.push(duration), least);
  on('layout-shift', (entry) => {
    if ('hadRecentInput' in entry && entry.hadRecentInput === true) return;
    if ('value' in entry && typeof entry.value === 'number') measured.shift += entry.value;
  });
}

async function measure(browser: Browser, url: string, { path, enter, keys }: Scene): Promise<Measured> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  try {
    await skipTour(context);
    const page = await context.newPage();
    await page.goto(new URL(path, url).href);
    await enter(page);
    // What the page does at first is measured elsewhere.
    await pause(3_000);
    await page.evaluate(observe);
    for (let key = 0; key < KEYS; key += 1) {
      await page.keyboard.press(keys[key % keys.length] ?? 'a');
      await pause(KEY_MS);
    }
    await pause(500);
    return await page.evaluate(() => globalThis.measured);
  } finally {
    await context.close();
  }
}

/** Changes a campaign all the time, until it is told to end. */
function colleague(client: CampaignClient): { stop: () => Promise<void> } {
  let isOver = false;
  const working = (async () => {
    for (let count = 0; !isOver; count += 1) {
      const updates =
        count % 2 ? { description: `Change ${count}` } : { scripts: { [`script_${count % SCRIPTS}`]: { count } } };
      const next = pause(1_000 / CHANGES_PER_SECOND);
      await client.trpc.campaign.update.mutate({ campaignId: CAMPAIGN, updates });
      await next;
    }
  })();
  return {
    stop() {
      isOver = true;
      return working;
    },
  };
}

function percentile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? 0;
}

const server = await startRealServer();
const browser = await launchBrowser();
const client = createCampaignClient({ url: server.url });
try {
  const scripts = Object.fromEntries(
    Array.from({ length: SCRIPTS }, (_, index) => [`script_${index}`, { main_text: 'lorem ipsum '.repeat(230) }]),
  );
  await client.trpc.campaign.create.mutate({ campaignId: CAMPAIGN, state: { slug: 'l', title: 'Large', scripts } });
  const bytes = JSON.stringify((await client.trpc.campaign.get.query({ campaignId: CAMPAIGN })).state).length;
  process.stdout.write(
    `A document of ${Math.round(bytes / 1_000)} KB, ${CHANGES_PER_SECOND} foreign changes a second\n`,
  );
  const busy = colleague(client);
  for (const scene of SCENES) {
    const { tasks, keys, shift } = await measure(browser, server.url, scene);
    process.stdout.write(
      `${scene.name}: ${tasks.length} tasks over 50 ms (longest ${Math.round(Math.max(0, ...tasks))} ms), a key to its paint p50 ${percentile(keys, 0.5)} ms, p99 ${percentile(keys, 0.99)} ms, shift ${shift.toFixed(4)}\n`,
    );
  }
  await busy.stop();
} finally {
  client.close();
  await browser.close();
  await server.stop();
}
