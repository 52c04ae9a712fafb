import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { consolePage } from './support/console-page.ts';
import { faintTexts } from './support/contrast.ts';
import { eventually } from './support/eventually.ts';
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
      expect(await tooWide(page)).toEqual([]);
    }
    await page.keyboard.press('Escape');
    await eventually(() => dialog.count()).toBe(0);
    expect(errors).toEqual([]);
  });
});
