import { describe, expect, it } from 'vitest';
import { consolePage } from './support/console-page.ts';
import { eventually } from './support/eventually.ts';
import { useStage } from './support/stage.ts';

const stage = useStage();

describe('recovery', () => {
  it('D50 what is looked at first while the server is away says so, and comes when it is tried again', async () => {
    const { page } = await stage.open();
    const { field, tab, banner } = consolePage(page);
    const retry = page.getByRole('button', { name: 'Try again' });
    await field('Title').waitFor();
    await stage.server.kill();
    await page.getByText('The server is gone. Reconnecting…').waitFor();
    await page.keyboard.press('ControlOrMeta+K');
    await page.getByRole('heading', { name: 'The list of what to go to cannot be shown' }).waitFor();
    await retry.click();
    await page.getByRole('heading', { name: 'The list of what to go to cannot be shown' }).waitFor();
    await page.keyboard.press('Escape');
    await tab('Results').click();
    await page.getByRole('heading', { name: 'The results cannot be shown' }).waitFor();
    expect(await banner.isVisible()).toBe(true);

    await stage.server.startAgain();
    await page.getByText(/^Back after/).waitFor();
    await retry.click();
    await page.getByText(/^No rule divides the people/).waitFor();
    await page.keyboard.press('ControlOrMeta+K');
    await page.getByPlaceholder('A campaign, a tab, an action').fill('tab: theme');
    await page.getByRole('option', { name: 'Tab: Theme' }).waitFor();
  });

  it('D8 comes back after kill -9 in every tab, with everything durable and what was edited meanwhile', async () => {
    const [one, two, alone] = await Promise.all([stage.open(), stage.open(), stage.open('/audience.html')]);
    const console1 = consolePage(one.page);
    const console2 = consolePage(two.page);
    await console1.field('Title').fill('Kept through the crash');
    await console1.saved.waitFor();
    await eventually(() => console2.name.innerText()).toBe('Kept through the crash');

    await stage.server.kill();
    await one.page.getByText('The server is gone. Reconnecting…').waitFor();
    await two.page.getByText('The server is gone. Reconnecting…').waitFor();
    // Editing goes on; the console shows it, the audience cannot have seen it.
    await console1.field('Banner').fill('Written while nobody listened');
    await one.page.getByText(/^\d changes? unsaved, waiting for the connection, the first made /).waitFor();
    expect(await console1.banner.innerText()).not.toBe('Written while nobody listened');

    await stage.server.startAgain();
    await one.page.getByText(/^Back after/).waitFor();
    await console1.saved.waitFor();
    for (const { name, banner } of [console1, console2]) {
      await eventually(() => banner.innerText()).toBe('Written while nobody listened');
      await eventually(() => name.innerText()).toBe('Kept through the crash');
    }
    await eventually(() => alone.page.getByRole('heading', { level: 1 }).innerText()).toBe(
      'Written while nobody listened',
    );
    await eventually(() => alone.page.locator('.page-name').innerText()).toBe('Kept through the crash');
  });

  it('D8 offers to kill the server in development, and survives it', async () => {
    const { page } = await stage.open();
    const { field, banner, saved } = consolePage(page);
    await page.getByRole('button', { name: 'Operations' }).click();
    await page.getByRole('button', { name: 'Kill server' }).click();
    await page.getByText('The server is gone. Reconnecting…').waitFor();
    await eventually(() => page.getByRole('dialog').count()).toBe(0);
    await stage.server.startAgain();
    await page.getByText(/^Back after/).waitFor();
    await field('Banner').fill('And on it goes');
    await eventually(() => banner.innerText()).toBe('And on it goes');
    await saved.waitFor();
  });

  it('D8 counts what waits in other campaigns too, and moves no field to say it', async () => {
    const { page } = await stage.open('/?campaign=skerry_bay_lifeboat');
    const { field } = consolePage(page);
    await field('Footer').waitFor();
    const place = await field('Footer').boundingBox();
    await page.context().setOffline(true);
    await page.getByText('This device is offline.').waitFor();
    expect(await field('Footer').boundingBox()).toEqual(place);
    await field('Footer').fill('Written on a boat');
    await page.getByText('1 edit waits to be sent.').waitFor();
    await page.getByRole('button', { name: /^The Slow Letter/ }).click();
    await page.getByText('1 edit waits to be sent, in other campaigns.').waitFor();
    await page.context().setOffline(false);
    await page.getByText('Every edit of yours is saved.').waitFor();
  });

  it('D8 notices that the device is offline, and sends what was edited when it is back', async () => {
    const [one, two] = await Promise.all([stage.open(), stage.open()]);
    const mine = consolePage(one.page);
    await mine.field('Footer').waitFor();
    await one.page.context().setOffline(true);
    await one.page.getByText('This device is offline.').waitFor();
    await mine.field('Footer').fill('Written on a train');
    await one.page.context().setOffline(false);
    await eventually(() => consolePage(two.page).audience.locator('.page-footer').innerText()).toBe(
      'Written on a train',
    );
    await mine.saved.waitFor();
  });
});

describe('a page opened while the server does not answer', () => {
  it('D21 says so in both panes and on the page alone, and opens by itself', async () => {
    const { page } = await stage.open();
    const alone = await stage.open('/audience.html');
    let answers = false;
    for (const tab of [page, alone.page]) {
      await tab.routeWebSocket(/\/trpc/, (socket) => (answers ? void socket.connectToServer() : void socket.close()));
      await tab.route(/\/trpc(\/|\?|$)/, (route) => (answers ? route.continue() : route.abort()));
      await tab.reload();
    }
    await page.getByText('The server does not answer.').waitFor();
    for (const tab of [page, alone.page]) await tab.getByText('This page cannot be reached just now.').waitFor();
    answers = true;
    for (const tab of [page, alone.page]) await tab.getByRole('heading', { level: 1 }).last().waitFor();
    await eventually(() => page.getByText('The server does not answer.').count()).toBe(0);
    await consolePage(page).field('Title').waitFor();
  });
});
