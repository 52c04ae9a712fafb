import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { consolePage } from './support/console-page.ts';
import { eventually } from './support/eventually.ts';
import { useStage } from './support/stage.ts';
import type { Page } from '../tools/browser.ts';

const AUTH_SECRET = randomBytes(32).toString('hex');
const root = join(import.meta.dirname, '..', '..');
const stage = useStage({ AUTH_SECRET });

/** A token as `npm run token` makes it. */
function tokenFor(role: 'viewer' | 'editor'): string {
  const env = { ...process.env, AUTH_SECRET };
  return execFileSync(process.execPath, ['server/cli/bin.ts', 'token', '--role', role], {
    cwd: root,
    env,
    encoding: 'utf8',
  }).trim();
}

async function enterAs(page: Page, role: 'viewer' | 'editor'): Promise<void> {
  await page.getByLabel(/^This server wants a token/).fill(tokenFor(role));
  await page.getByRole('button', { name: 'Use it' }).click();
  await consolePage(page).field('Title').waitFor();
}

describe('a server that wants a token', () => {
  it('D16 shows nothing without one, and takes one in the page', async () => {
    const [viewer, editor] = await Promise.all([stage.open(), stage.open()]);
    await viewer.page.getByRole('heading', { name: 'This campaign cannot be opened' }).waitFor();
    expect(await viewer.page.getByText('Ovasabi').count()).toBe(0);
    await enterAs(viewer.page, 'viewer');
    await enterAs(editor.page, 'editor');

    await viewer.page.getByText('Your role lets you look at this campaign, not edit it.').waitFor();
    await eventually(() => consolePage(viewer.page).field('Title').isDisabled()).toBe(true);
    // What he may not do is not offered.
    expect(await viewer.page.getByLabel('New campaign').count()).toBe(0);
    for (const name of ['Operations', 'Import', 'Duplicate', 'Kill server'])
      expect(await viewer.page.getByRole('button', { name }).count(), name).toBe(0);
    // Two consoles are no app to who only looks. Who edits cannot know that the other one's is a console.
    await viewer.page.getByRole('button', { name: 'Connect your app' }).click();
    await eventually(() => viewer.page.locator('.connect-light').innerText()).toMatch(/^Waiting for the first app/);
    await viewer.page.keyboard.press('Escape');
    // The page alone is given the token of the tab that opens it.
    const [alone] = await Promise.all([
      viewer.page.context().waitForEvent('page'),
      viewer.page.getByRole('link', { name: 'Open alone' }).click(),
    ]);
    await alone.getByRole('heading', { level: 1 }).waitFor();
    await consolePage(viewer.page).tab('JSON').click();
    expect(await viewer.page.getByLabel('Add a module').count()).toBe(0);
    // Neither may archive: that is for admins.
    await consolePage(editor.page).tab('Details').click();
    await consolePage(editor.page).field('Owner').waitFor();
    expect(await editor.page.getByRole('button', { name: 'Archive…' }).count()).toBe(0);
    await consolePage(editor.page).tab('Content').click();
    await consolePage(editor.page).field('Banner').fill('By an editor');
    await eventually(() => consolePage(viewer.page).banner.innerText()).toBe('By an editor');
    expect(await consolePage(editor.page).name.innerText()).toBe('Ovasabi opens its doors');
  });
});
