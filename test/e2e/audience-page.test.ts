import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { axeFaults } from '../tools/axe.ts';
import { enterAs } from './support/enter-as.ts';
import { eventually } from './support/eventually.ts';
import { useStage } from './support/stage.ts';

const AUTH_SECRET = randomBytes(32).toString('hex');
const stage = useStage();
const guarded = useStage({ AUTH_SECRET });

/** Bytes of scripts, styles and the page itself, as they are sent. */
const MAX_BYTES = 90_000;

describe('the page alone', () => {
  it('D49 loads at most 90 kB of page, script and style, compressed, and nothing of the console', async () => {
    const { page, errors } = await stage.open('/audience.html?campaign=skerry_bay_lifeboat', { bypassCSP: true });
    await page.getByRole('heading', { level: 1 }).waitFor();
    await eventually(() => page.title()).toBe('A new lifeboat for Skerry Bay');
    const { bytes, files } = await page.evaluate(() => {
      const entries = [
        ...performance.getEntriesByType('navigation'),
        ...performance.getEntriesByType('resource'),
      ].filter((entry): entry is PerformanceResourceTiming => entry instanceof PerformanceResourceTiming);
      const loaded = entries.filter(({ name }) => /\.(?:js|css|html)(?:\?|$)/.test(name));
      return {
        bytes: loaded.reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0),
        files: loaded.map(({ name }) => new URL(name).pathname),
      };
    });
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThan(MAX_BYTES);
    expect(files.filter((name) => !/audience/.test(name))).toEqual([]);
    expect(await axeFaults(page)).toEqual([]);
    expect(errors).toEqual([]);
  });

  it('D49 asks for a token where one is wanted', async () => {
    const { page } = await guarded.open('/audience.html');
    await enterAs(page, { id: 'vera', name: 'Vera', role: 'viewer' }, AUTH_SECRET, 'page');
    expect(await page.getByRole('heading', { level: 1 }).innerText()).not.toBe('');
  });
});
