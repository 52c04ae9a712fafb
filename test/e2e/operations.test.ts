import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { axeFaults } from '../tools/axe.ts';
import { consolePage } from './support/console-page.ts';
import { faintTexts } from './support/contrast.ts';
import { eventually } from './support/eventually.ts';
import { press } from './support/press.ts';
import { useStage } from './support/stage.ts';
import { tooWide } from './support/too-wide.ts';

const folder = await mkdtemp(join(tmpdir(), 'campaign-state-snapshots-'));
const stage = useStage({ SNAPSHOT_DIR: folder, SNAPSHOT_EVERY: '1d', SNAPSHOT_KEEP: '3' });
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('operations', () => {
  it('D36 shows the snapshots with their age, takes one now, and says what the last verification came to', async () => {
    const { page, errors } = await stage.open('/', { reducedMotion: 'reduce' });
    await consolePage(page).field('Title').waitFor();
    await page.getByRole('button', { name: 'Operations', exact: true }).click();
    const dialog = page.getByRole('dialog', { name: 'Operations' });
    const files = dialog.getByRole('list', { name: 'Snapshots that are kept' }).getByRole('listitem');
    await eventually(() => files.count()).toBe(1);
    await dialog.getByText(/^One every day; the newest 3 are kept/).waitFor();
    await dialog.getByText(/^The last one was saved .*: \d campaigns with \d+ entries, [\d.]+ KB\.$/).waitFor();
    await dialog.getByRole('button', { name: 'Snapshot now' }).click();
    await eventually(() => files.count()).toBe(2);
    expect(await files.first().innerText()).toMatch(/^campaigns-[^]*B · just now$/);

    await dialog.getByText('Nothing has been verified on this instance since it started.').waitFor();
    await dialog.getByRole('button', { name: 'Verify this campaign' }).click();
    await dialog.getByText('Everything fits.').waitFor();
    await dialog.getByText(/ovasabi_website, 1 entry/).waitFor();
    await dialog.getByText('Kept of ovasabi_website: everything, as of all campaigns. There is version 1.').waitFor();

    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width: colorScheme === 'dark' ? 360 : 1440, height: 900 });
      await eventually(() => faintTexts(page, 4.5)).toEqual([]);
      await eventually(() => tooWide(page)).toEqual([]);
    }
    await page.keyboard.press('Escape');
    await eventually(() => dialog.count()).toBe(0);
    expect(errors).toEqual([]);
  });

  it('D132 shows the server as it runs: figures, their lines, and each change with its payload, as one filters them', async () => {
    const { page, errors } = await stage.open('/', { reducedMotion: 'reduce', bypassCSP: true });
    const { field } = consolePage(page);
    await field('Title').waitFor();
    await page.getByRole('button', { name: 'Operations', exact: true }).click();
    const dialog = page.getByRole('dialog', { name: 'Operations' });
    const figure = async (name: string) => {
      const row = dialog.locator('.live-figures > div').filter({ hasText: name });
      return Number.parseInt(await row.locator('strong').innerText(), 10);
    };
    await eventually(() => figure('Connections')).toBeGreaterThanOrEqual(2);
    await dialog.getByText('Nothing has been changed since this was opened.').waitFor();
    await dialog.getByRole('img', { name: /^What a change takes, ms, over the last two minutes/ }).waitFor();

    // Somebody else changes something.
    const { page: other } = await stage.open('/');
    await consolePage(other).field('Title').fill('Traced');
    const lines = dialog.getByRole('list', { name: 'Traced changes' }).getByRole('listitem');
    await eventually(() => lines.count()).toBeGreaterThan(0);
    await eventually(() => figure('A change takes')).toBeGreaterThanOrEqual(0);
    await lines.first().locator('summary').focus();
    await page.keyboard.press('Enter');
    const payload = lines.first().getByRole('region', { name: /^Payload of / });
    await eventually(() => payload.innerText()).toContain('"Traced"');
    const correlation = await lines.first().locator('summary code').innerText();

    for (const [label, word] of [
      ['Campaign', 'ovasabi'],
      ['Person', 'nobody of that name'],
      ['Correlation id', correlation],
    ] as const) {
      await dialog.getByRole('searchbox', { name: label }).fill(word);
      if (label === 'Person') await dialog.getByText(/^None of the last \d+ changes is one of these\.$/).waitFor();
      else await eventually(() => lines.count()).toBeGreaterThan(0);
      await dialog.getByRole('searchbox', { name: label }).fill('');
    }

    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width: colorScheme === 'dark' ? 360 : 1440, height: 900 });
      await eventually(() => faintTexts(page, 4.5)).toEqual([]);
      await eventually(() => tooWide(page)).toEqual([]);
      await eventually(() => axeFaults(page)).toEqual([]);
    }
    expect(errors).toEqual([]);
  });

  it.each([
    ['over WebSockets', false],
    ['where none gets through', true],
  ])(
    'D133 cuts and slows this tab alone, %s: what is typed is kept, and sent once the network is back',
    async (_name, isHttp) => {
      const { page } = await stage.open('/', { reducedMotion: 'reduce' });
      const { page: other } = await stage.open('/');
      if (isHttp) {
        await page.routeWebSocket(/\/trpc/, (socket) => void socket.close());
        await page.reload();
        await consolePage(page).saved.waitFor();
      }
      const title = consolePage(page).field('Title');
      await title.waitFor();
      const dialog = page.getByRole('dialog', { name: 'Operations' });
      const set = async (name: string): Promise<void> => {
        await page.getByRole('button', { name: 'Operations', exact: true }).click();
        await press(dialog.getByRole('button', { name, exact: true }), 'Enter');
        await eventually(() => dialog.getByRole('button', { name, exact: true }).getAttribute('aria-pressed')).toBe(
          'true',
        );
      };
      await set('Cut it');
      await dialog.getByText(/Connection: offline\.$/).waitFor();
      await page.keyboard.press('Escape');
      await title.fill('Typed while it was cut');
      const seen = consolePage(other).field('Title');
      expect(await seen.inputValue()).not.toBe('Typed while it was cut');
      await set('As it is');
      await dialog.getByText(/Connection: connected\.$/).waitFor();
      await page.keyboard.press('Escape');
      await eventually(() => seen.inputValue()).toBe('Typed while it was cut');

      await set('Slow it');
      await page.keyboard.press('Escape');
      await title.fill('Typed while it was slow');
      await eventually(() => seen.inputValue()).toBe('Typed while it was slow');
      await set('As it is');
    },
  );
});
