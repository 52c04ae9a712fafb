import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'vite';
import type { ViteDevServer } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { consolePage } from './support/console-page.ts';
import { eventually } from './support/eventually.ts';
import { useStage } from './support/stage.ts';

const stage = useStage();
let site: ViteDevServer;
let cacheDir: string;

beforeAll(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'campaign-state-vite-'));
  site = await createServer({
    root: join(import.meta.dirname, 'usage-page'),
    configFile: false,
    cacheDir,
    logLevel: 'error',
    resolve: { conditions: ['source', 'module', 'browser', 'development|production'] },
    server: { host: '127.0.0.1', port: 0, hmr: false },
  });
  await site.listen();
});
afterAll(async () => {
  await site?.close();
  await rm(cacheDir, { recursive: true, force: true });
});

describe('the usage example of the SDK', () => {
  it('D14 shows the default campaign, and each of its buttons changes it', async () => {
    const address = site.resolvedUrls?.local[0];
    const { page, errors } = await stage.open(`${address}?server=${stage.server.url}`);
    const title = page.getByRole('heading', { level: 2 });
    const features = page.getByText(/^Features:/);
    await eventually(() => title.innerText()).toBe('Ovasabi opens its doors');
    await eventually(() => features.innerText()).toMatch(/^Features: countdown, progress/);

    await page.getByRole('button', { name: 'Update Campaign' }).click();
    await eventually(() => title.innerText()).toBe('Updated Campaign Title');
    await page.getByRole('button', { name: 'Add Features' }).click();
    await eventually(() => features.innerText()).toMatch(/, analytics, notifications$/);
    await page.getByRole('button', { name: 'Update UI' }).click();

    // Not only shown early where it was clicked: it is what everybody else sees.
    const other = consolePage((await stage.open()).page);
    await eventually(() => other.name.innerText()).toBe('Updated Campaign Title');
    await eventually(() => other.banner.innerText()).toBe('Welcome to our updated campaign!');
    await other.tab('Features').click();
    await eventually(() => other.chips.last().innerText()).toContain('notifications');
    expect(errors).toEqual([]);
  });
});
