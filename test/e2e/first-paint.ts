// Measures first paint and content over slow networks, from an empty cache: `npm run measure:paint` prints the medians
// of five loads of each page. The demo has to be built (`npm run build -w demo`).
import { launchBrowser, type Browser } from '../tools/browser.ts';
import { startRealServer } from './support/real-server.ts';
import { skipTour } from './support/skip-tour.ts';

const NETWORKS = [
  { name: '1.6 Mbit/s, 150 ms', bitsPerSecond: 1_600_000, latency: 150 },
  { name: '400 kbit/s, 400 ms', bitsPerSecond: 400_000, latency: 400 },
] as const;

const PAGES = [
  { name: 'audience', path: '/audience.html?campaign=skerry_bay_lifeboat', content: '.page h1' },
  { name: 'console', path: '/?campaign=skerry_bay_lifeboat', content: '.editor textarea' },
] as const;

const LOADS = 5;

interface Load {
  readonly paint: number;
  readonly content: number;
  readonly bytes: number;
}

async function load(
  browser: Browser,
  url: string,
  selector: string,
  { bitsPerSecond, latency }: (typeof NETWORKS)[number],
): Promise<Load> {
  const context = await browser.newContext({ viewport: { width: 412, height: 823 } });
  try {
    await skipTour(context);
    const page = await context.newPage();
    const session = await context.newCDPSession(page);
    await session.send('Network.enable');
    const throughput = bitsPerSecond / 8;
    await session.send('Network.emulateNetworkConditions', {
      offline: false,
      latency,
      downloadThroughput: throughput,
      uploadThroughput: throughput,
    });
    await page.goto(url, { waitUntil: 'commit' });
    await page.locator(selector).first().waitFor({ timeout: 60_000 });
    return await page.evaluate(() => ({
      content: performance.now(),
      paint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? performance.now(),
      bytes: performance
        .getEntriesByType('resource')
        .reduce((sum, entry) => sum + (entry instanceof PerformanceResourceTiming ? entry.transferSize : 0), 0),
    }));
  } finally {
    await context.close();
  }
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}

const server = await startRealServer();
const browser = await launchBrowser();
try {
  for (const { name, path, content } of PAGES)
    for (const network of NETWORKS) {
      const loads: Load[] = [];
      for (let index = 0; index < LOADS; index += 1)
        loads.push(await load(browser, new URL(path, server.url).href, content, network));
      const of = (key: keyof Load) => median(loads.map((each) => each[key]));
      process.stdout.write(
        `${name} at ${network.name}: first paint ${(of('paint') / 1_000).toFixed(2)} s, content ${(of('content') / 1_000).toFixed(2)} s, ${Math.round(of('bytes') / 1_000)} kB with fonts\n`,
      );
    }
} finally {
  await browser.close();
  await server.stop();
}
