import { createCampaignClient } from '@campaign-state/client';
import { describe, expect, it } from 'vitest';
import type { Page } from '../tools/browser.ts';
import { consolePage } from './support/console-page.ts';
import { eventually } from './support/eventually.ts';
import { useStage } from './support/stage.ts';

const stage = useStage();
const parameter = (page: Page, name: string) => new URL(page.url()).searchParams.get(name);

async function palette(page: Page, text: string): Promise<void> {
  await page.keyboard.press('ControlOrMeta+K');
  await page.getByPlaceholder('A campaign, a tab, an action').fill(text);
}

describe('ways', () => {
  it('D45 the address holds campaign, tab, section and version, and the page is named after them', async () => {
    const { page } = await stage.open('/?campaign=skerry_bay_lifeboat&tab=json&section=theme');
    const { tab, banner, audience } = consolePage(page);
    await page.locator('details.section[open] .section-name', { hasText: 'theme' }).waitFor();
    await eventually(() => page.title()).toBe('A new lifeboat for Skerry Bay · theme · campaign-state');
    await tab('History').click();
    await eventually(() => parameter(page, 'tab')).toBe('history');
    expect(parameter(page, 'section')).toBeNull();
    await page.locator('.history-row summary').first().click();
    await page.getByRole('button', { name: 'Preview' }).first().click();
    await eventually(() => parameter(page, 'version')).toBe('1');
    await eventually(() => page.title()).toBe('A new lifeboat for Skerry Bay · History · v1 · campaign-state');
    await page.reload();
    await audience.getByText('Preview of version 1').waitFor();
    expect(await tab('History').getAttribute('aria-selected')).toBe('true');
    await page.goBack();
    await page.goBack();
    await eventually(() => tab('JSON').getAttribute('aria-selected')).toBe('true');
    await banner.waitFor();
    await page.locator('details.section[open] .section-name', { hasText: 'theme' }).waitFor();
  });

  it('D45 a campaign that is missing offers ways on, and an address that is none is answered 404', async () => {
    const { page } = await stage.open('/?campaign=nobody_made_this');
    await page.getByRole('button', { name: 'Search campaigns' }).click();
    await eventually(() => page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toBe(
      'Search campaigns',
    );
    await page.getByRole('button', { name: 'Open the first one' }).click();
    await consolePage(page).field('Title').waitFor();
    const answer = await page.goto(new URL('/nowhere', stage.server.url).href);
    expect(answer?.status()).toBe(404);
    await page.getByRole('link', { name: 'Open the console' }).click();
    await consolePage(page).field('Title').waitFor();
  });

  it('D46 the first stop of Tab skips to the editor', async () => {
    const { page } = await stage.open();
    await consolePage(page).field('Title').waitFor();
    await page.keyboard.press('Tab');
    await page.getByRole('link', { name: 'Skip to the editor' }).waitFor();
    await page.keyboard.press('Enter');
    await eventually(() => page.evaluate(() => document.activeElement?.id)).toBe('editor');
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Content');
  });

  it('D46 the palette goes to campaigns and tabs, and does things; ? lists the keys, which can be turned off', async () => {
    const { page } = await stage.open();
    const { field, tab, banner } = consolePage(page);
    await field('Title').waitFor();
    await palette(page, 'skerry');
    await page.getByRole('option', { name: /A new lifeboat/ }).waitFor();
    await page.keyboard.press('Enter');
    await eventually(() => banner.innerText()).toBe('When the pager goes, she has to start.');
    await palette(page, 'tab: theme');
    await page.getByRole('option', { name: 'Tab: Theme' }).waitFor();
    await page.keyboard.press('Enter');
    await eventually(() => tab('Theme').getAttribute('aria-selected')).toBe('true');
    await palette(page, 'nothing has this name');
    await page.getByText('Nothing of that name.').waitFor();
    await page.keyboard.press('Escape');

    await tab('Theme').focus();
    await page.keyboard.press('/');
    await eventually(() => page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toBe(
      'Search campaigns',
    );
    // In a field it is a character like any other.
    await page.keyboard.type('n?/');
    expect(await page.getByLabel('Search campaigns').inputValue()).toBe('n?/');
    await page.getByLabel('Search campaigns').fill('');
    await tab('Theme').focus();
    await page.keyboard.press('?');
    const shortcuts = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
    await shortcuts.getByText('Search campaigns').waitFor();
    await shortcuts.getByLabel('Single keys are shortcuts').uncheck();
    await shortcuts.getByRole('button', { name: 'Close' }).click();
    await tab('Theme').focus();
    await page.keyboard.press('?');
    expect(await shortcuts.isVisible()).toBe(false);
  });

  it('D47 connects an app: lines of this campaign, and a light that turns on when one is there', async () => {
    const { page } = await stage.open('/?campaign=skerry_bay_lifeboat');
    await consolePage(page).field('Title').waitFor();
    await page.getByRole('button', { name: 'Connect your app' }).click();
    const dialog = page.getByRole('dialog', { name: 'Connect your app' });
    for (const kind of ['React', 'Vue', 'Svelte', 'Node', 'curl', 'OpenFeature']) {
      await dialog.getByRole('radio', { name: kind }).check();
      const lines = dialog.getByRole('region', { name: `Lines for ${kind}` });
      expect(await lines.innerText()).toContain('skerry_bay_lifeboat');
      expect(await lines.innerText()).toContain(new URL(stage.server.url).origin);
    }
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await dialog.getByRole('button', { name: 'Copy the id' }).click();
    await eventually(() => page.evaluate(() => navigator.clipboard.readText())).toBe('skerry_bay_lifeboat');
    await dialog.getByText('Waiting for the first app of yours').waitFor();
    const app = createCampaignClient({ url: stage.server.url });
    const stop = app.campaign('skerry_bay_lifeboat').subscribe(() => undefined);
    await dialog.getByText('An app of yours is connected, and live.').waitFor();
    stop();
    app.close();
    await dialog.getByText('Waiting for the first app of yours').waitFor();
  });

  it('D48 the tour is offered to whoever is new, once, and ends with the end of the server', async () => {
    const { page } = await stage.open('/', { isNew: true });
    const offer = page.getByRole('complementary', { name: 'Tour' });
    await consolePage(page).field('Title').waitFor();
    await offer.getByRole('button', { name: 'Take it' }).waitFor();
    // Whoever only loads the page again has not answered.
    await page.reload();
    await offer.getByRole('button', { name: 'Not now' }).click();
    await eventually(() => offer.count()).toBe(0);
    await page.reload();
    await consolePage(page).field('Title').waitFor();
    await page.locator('.masthead .pill[data-status="connected"]').waitFor();
    expect(await offer.count()).toBe(0);

    await palette(page, 'tour');
    await page.getByRole('option', { name: /tour/ }).click();
    const tour = page.getByRole('complementary');
    for (const title of ['Change the title', 'Any of ten thousand', 'Nothing is lost', 'Now end the server']) {
      await tour.getByRole('button', { name: 'Next' }).click();
      await tour.getByRole('heading', { name: title }).waitFor();
    }
    await tour.getByRole('button', { name: 'Kill server' }).click();
    await page.getByText('The server is gone. Reconnecting…').waitFor();
    await stage.server.startAgain();
    await page.getByText(/^Back after/).waitFor();
    await tour.getByRole('button', { name: 'Done' }).click();
    expect(await tour.count()).toBe(0);
  });
});
