import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { axeFaults } from '../tools/axe.ts';
import type { Page } from '../tools/browser.ts';
import { consolePage } from './support/console-page.ts';
import { faintTexts } from './support/contrast.ts';
import { enterAs } from './support/enter-as.ts';
import { eventually } from './support/eventually.ts';
import { press } from './support/press.ts';
import { useStage } from './support/stage.ts';
import { tooWide } from './support/too-wide.ts';

const AUTH_SECRET = randomBytes(32).toString('hex');
const stage = useStage();
const guarded = useStage({ AUTH_SECRET });
const BOAT = '/?campaign=skerry_bay_lifeboat';

/** The pane's controls, by the names that people see. */
function lookOf(page: Page) {
  const radio = (group: string, name: string) => page.getByRole('group', { name: group }).getByRole('radio', { name });
  return {
    button: (name: string) => page.getByRole('button', { name, exact: true }),
    screen: (name: string) => radio('Screen', name).check(),
    colours: (name: string) => radio('Colours', name).check(),
    status: page.getByLabel('As if it were'),
    notice: page.locator('.audience-pane .page-notice'),
  };
}

/** The page's width as it was laid out, and as it is seen, and the room that there is for it. */
const widths = (page: Page) =>
  page.evaluate(() => {
    const shown = document.querySelector<HTMLElement>('.audience-pane .page');
    const room = document.querySelector<HTMLElement>('.audience-pane .page-frame');
    return {
      laidOut: shown?.offsetWidth ?? 0,
      seen: shown?.getBoundingClientRect().width ?? 0,
      room: room?.clientWidth ?? 0,
    };
  });

/** What stands at the top of the pane, and how far it has moved out of view, in parts of its height. */
const atTop = (page: Page) =>
  page.evaluate(() => {
    const top = document.querySelector('.audience-pane .page-frame')?.getBoundingClientRect().top ?? 0;
    const blocks = [...document.querySelectorAll('.audience-pane :is(.poster, .module, .lead-form, .page-footer)')];
    const block = blocks.find((each) => each.getBoundingClientRect().bottom > top + 1);
    const box = block?.getBoundingClientRect();
    return {
      block: block?.querySelector('h1, h2')?.textContent ?? '',
      above: box ? Math.round(((top - box.top) / box.height) * 20) / 20 : 0,
    };
  });

describe('the audience pane', () => {
  it('D160 shows the page as on a phone, a tablet or a desktop, light or dark, in any status; here alone, and with a way back', async () => {
    const [{ page, errors }, other] = await Promise.all([
      stage.open(BOAT, { bypassCSP: true, reducedMotion: 'reduce' }),
      stage.open(BOAT),
    ]);
    const { button, screen, colours, status, notice } = lookOf(page);
    await consolePage(page).banner.waitFor();
    await consolePage(other.page).banner.waitFor();
    await button('View').click();
    for (const [name, width] of [
      ['phone', 390],
      ['tablet', 820],
      ['desktop', 1280],
    ] as const) {
      await screen(name);
      await eventually(async () => (await widths(page)).laidOut).toBe(width);
      // It fills its own width, or else the room that there is.
      await eventually(async () => {
        const { seen, room } = await widths(page);
        return seen <= room + 1 && seen > Math.min(width, room) - 1;
      }).toBe(true);
      await eventually(() => tooWide(page)).toEqual([]);
    }
    const ground = () =>
      page.locator('.audience-pane .page').evaluate((shown) => getComputedStyle(shown).backgroundColor);
    const light = await ground();
    await colours('dark');
    await eventually(ground).not.toBe(light);
    await eventually(() => faintTexts(page, 4.5)).toEqual([]);
    // The device turns dark by itself: nothing is chosen any more, and light can be.
    await page.emulateMedia({ colorScheme: 'dark' });
    await colours('light');
    await eventually(ground).toBe(light);
    await eventually(() => faintTexts(page, 4.5)).toEqual([]);
    for (const [name, words] of [
      ['draft', 'A draft: this page is not published yet.'],
      ['paused', 'Paused. We are back soon.'],
      ['ended', 'This campaign has ended. Thank you for being part of it.'],
    ] as const) {
      await status.selectOption(name);
      await eventually(() => notice.allInnerTexts()).toEqual([words]);
    }
    expect(await lookOf(other.page).notice.count()).toBe(0);
    await eventually(() => axeFaults(page)).toEqual([]);
    await button('View').click();
    for (const way of ['On a desktop ×', 'In light colours ×', 'As if ended ×']) {
      await press(button(way), 'Enter');
      await button(way).waitFor({ state: 'detached' });
      await eventually(() => page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toBe(
        'The page as its audience sees it',
      );
    }
    expect(await notice.count()).toBe(0);
    await eventually(async () => {
      const { laidOut, room } = await widths(page);
      return laidOut - room;
    }).toBe(0);
    expect(errors).toEqual([]);
  });

  it('D160 fits beside the console at 360 pixels', async () => {
    const { page } = await stage.open(BOAT, { viewport: { width: 360, height: 740 }, bypassCSP: true });
    const { button, screen, status } = lookOf(page);
    await consolePage(page).banner.waitFor();
    await button('View').click();
    for (const name of ['phone', 'tablet', 'desktop']) {
      await screen(name);
      await eventually(async () => (await widths(page)).seen <= (await widths(page)).room).toBe(true);
      await eventually(() => tooWide(page)).toEqual([]);
    }
    await status.selectOption('paused');
    await button('View').click();
    await button('As if paused ×').waitFor();
    await eventually(() => tooWide(page)).toEqual([]);
    await eventually(() => axeFaults(page)).toEqual([]);
  });

  it('D161 stays where one had scrolled, over another width, status, version or campaign, and while others write', async () => {
    const [{ page }, other] = await Promise.all([
      // Low, so that a desktop's page, which is the shortest, can be scrolled as far.
      stage.open(BOAT, { reducedMotion: 'reduce', viewport: { width: 1440, height: 560 } }),
      stage.open(BOAT, { reducedMotion: 'reduce' }),
    ]);
    const { button, screen, status, notice } = lookOf(page);
    const { tab, rows, banner } = consolePage(page);
    await banner.waitFor();
    await page.evaluate(() => {
      const frame = document.querySelector('.audience-pane .page-frame');
      const box = [...document.querySelectorAll('.audience-pane .module')].at(3)?.getBoundingClientRect();
      if (frame && box) frame.scrollTop += box.top + box.height / 2 - frame.getBoundingClientRect().top;
    });
    await eventually(() => atTop(page)).toEqual({ block: expect.stringMatching(/./), above: 0.5 });
    const place = await atTop(page);

    await button('View').click();
    for (const name of ['phone', 'desktop', 'tablet', 'pane']) {
      await screen(name);
      await eventually(() => atTop(page)).toEqual(place);
    }
    await status.selectOption('ended');
    await notice.waitFor();
    await eventually(() => atTop(page)).toEqual(place);
    await status.selectOption('what it is');

    await consolePage(other.page).field('Banner').fill('Much longer than it was. '.repeat(3));
    await eventually(() => banner.innerText()).toMatch(/^Much longer/);
    await eventually(() => atTop(page)).toEqual(place);

    await tab('History').click();
    await rows.last().locator('summary').click();
    await button('Preview').click();
    await eventually(() => banner.innerText()).not.toMatch(/^Much longer/);
    await eventually(() => atTop(page)).toEqual(place);
    await button('Back to live').click();
    await eventually(() => banner.innerText()).toMatch(/^Much longer/);
    await eventually(() => atTop(page)).toEqual(place);

    await page.getByRole('button', { name: /^The Slow Letter/ }).click();
    await eventually(() => banner.innerText()).toMatch(/Sundays/);
    await eventually(async () => (await atTop(page)).above).toBe(0);
    await page
      .getByRole('button', { name: /^A new lifeboat/ })
      .last()
      .click();
    await eventually(() => banner.innerText()).toMatch(/^Much longer/);
    await eventually(() => atTop(page)).toEqual(place);
  });
});

describe('a link to a preview', () => {
  it('D162 is made by an editor, shows the page live to whoever has it, and nothing else, until it is ended', async () => {
    const { page, errors } = await guarded.open('/?campaign=slow_letter_referral', { bypassCSP: true });
    await enterAs(page, { id: 'ada', name: 'Ada Lovelace', role: 'editor' }, AUTH_SECRET);
    const { button } = lookOf(page);
    await button('Share…').click();
    await page.getByText('There are none.').waitFor();
    await page.getByLabel(/^For whom/).fill('The printers');
    await page.getByRole('group', { name: 'Ends after' }).getByRole('radio', { name: '1 hour' }).check();
    await button('Make a link').click();
    const made = page.getByLabel('The link for The printers, shown this once:').getByRole('textbox');
    const link = await made.inputValue();
    expect(link).toMatch(/\/audience\.html\?campaign=slow_letter_referral#preview=csk_/);
    // It is there to be copied.
    await eventually(() => made.evaluate((input) => input === document.activeElement)).toBe(true);
    await eventually(() => axeFaults(page)).toEqual([]);
    // The next one is typed in peace.
    await page.getByLabel(/^For whom/).click();
    await page.getByLabel(/^For whom/).pressSequentially('The bank');
    expect(await page.getByLabel(/^For whom/).inputValue()).toBe('The bank');
    await button('Make a link').click();
    await page.getByRole('group', { name: 'The link for The bank, shown this once:' }).waitFor();
    await button('End it for The bank').click();
    await button('End it for The bank').waitFor({ state: 'detached' });

    // As a messenger leaves it that takes the bracket behind it along.
    const preview = await guarded.open(`${link})`, { bypassCSP: true });
    await preview.page.getByText('A draft: this page is not published yet.').waitFor();
    await preview.page.getByText(/^A preview, until .*Nothing that you do here is counted\.$/).waitFor();
    expect(await preview.page.getByText('May this page count').count()).toBe(0);
    await eventually(() => axeFaults(preview.page)).toEqual([]);
    await page.keyboard.press('Escape');
    await consolePage(page).field('Banner').fill('Seen by the printers');
    await preview.page.getByRole('heading', { level: 1, name: 'Seen by the printers' }).waitFor();
    const elsewhere = await guarded.open(link.replace('slow_letter_referral', 'skerry_bay_lifeboat'));
    await elsewhere.page.getByRole('heading', { name: 'This page cannot be shown' }).waitFor();

    await button('Share…').click();
    await page.getByText(/made by ada · last opened just now/).waitFor();
    // The secret was shown once.
    expect(await page.getByLabel('The link for The printers').count()).toBe(0);
    await press(button('End it for The printers'), 'Enter');
    await preview.page.getByText('This preview has ended.').waitFor();
    expect(await preview.page.getByText('Seen by the printers').count()).toBe(0);
    expect(await preview.page.getByLabel(/^This server wants a token/).count()).toBe(0);
    await eventually(() => page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toBe(
      'Links that open it now',
    );
    await page.getByText('There are none.').waitFor();
    expect(errors).toEqual([]);
  });

  it('D162 is offered to nobody who only looks', async () => {
    const { page } = await guarded.open('/?campaign=slow_letter_referral');
    await enterAs(page, { id: 'vera', name: 'Vera', role: 'viewer' }, AUTH_SECRET);
    await lookOf(page).button('View').waitFor();
    await page.getByText('Your role lets you look').waitFor();
    expect(await lookOf(page).button('Share…').count()).toBe(0);
  });
});
