import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { CampaignServer } from '../../../server/index.ts';
import { createCampaignClient, prefetchCampaign, type CampaignSeed } from '../../../client-sdk/src/index.ts';
import { launchBrowser, type Browser } from '../../tools/browser.ts';
import { startServer } from '../support/server.ts';
import { openWorkshop, type Workshop } from './projects.ts';
import { HEADINGS, readRecipe } from './recipes.ts';
import { SETUPS } from './setups.ts';

const INSTALL = { timeout: 300_000 };
let workshop: Workshop;
let server: CampaignServer;
let opened: Promise<Browser> | undefined;

beforeAll(async () => {
  workshop = await openWorkshop();
}, 240_000);
afterAll(async () => {
  await (await opened)?.close();
  await workshop?.close();
});
beforeEach(async () => {
  server = await startServer();
});
afterEach(() => server.close());

test.each(SETUPS.filter(({ isQuick }) => isQuick))('$rule', INSTALL, async ({ run }) => {
  const seen = await run({
    workshop,
    url: server.url,
    stopServer: async () => void (await server.close()),
    browser: () => (opened ??= launchBrowser()),
  });
  expect(seen.length).toBeGreaterThan(0);
});

test('K329 FRAMEWORKS.md has a section for each set-up, and says there what to install', () => {
  expect(HEADINGS.toSorted()).toEqual([...new Set(SETUPS.map(({ heading }) => heading))].toSorted());
  for (const heading of HEADINGS) {
    const { packages, files } = readRecipe(heading, server.url);
    expect(packages).toContain('@campaign-state/client');
    expect(Object.keys(files).length).toBeGreaterThan(0);
  }
});

test('K314 seeds that are added for the next page are shown when their campaigns are first opened', async () => {
  const reading = createCampaignClient({ url: server.url });
  const [spring, autumn] = [await prefetchCampaign(reading, 'spring'), await prefetchCampaign(reading, 'autumn')];
  reading.close();
  const seeds: CampaignSeed[] = [spring];
  const client = createCampaignClient({ url: server.url, seeds });
  expect(client.campaign('spring').getSnapshot()).toMatchObject({ status: 'success', state: { title: 'Spring' } });
  seeds.push(autumn);
  expect(client.campaign('autumn').getSnapshot()).toMatchObject({ status: 'success', state: { title: 'Autumn' } });
  client.close();
});
