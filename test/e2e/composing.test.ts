import { describe, expect, it } from 'vitest';
import type { Page } from '../tools/browser.ts';
import { consolePage } from './support/console-page.ts';
import { eventually } from './support/eventually.ts';
import { press } from './support/press.ts';
import { useStage } from './support/stage.ts';

declare global {
  interface Window {
    /** Every banner that the page has shown. */
    banners: string[];
  }
}

const stage = useStage();

/** Types by an input method, as the browser's own protocol has it. */
async function inputMethod(page: Page) {
  const session = await page.context().newCDPSession(page);
  return {
    compose: (text: string) =>
      session.send('Input.imeSetComposition', { text, selectionStart: text.length, selectionEnd: text.length }),
    commit: (text: string) => session.send('Input.insertText', { text }),
  };
}

/** Notes every banner from now on. */
function noteBanners(): void {
  const shown = (): string => document.querySelector('.poster h1, .page h1')?.textContent ?? '';
  window.banners = [shown()];
  new MutationObserver(() => {
    if (shown() !== window.banners.at(-1)) window.banners.push(shown());
  }).observe(document.body, { childList: true, subtree: true, characterData: true });
}

describe('words that an input method composes', () => {
  it('D138 are live once they are composed, and not before; what is given up is nothing', async () => {
    const [{ page }, other] = await Promise.all([stage.open(), stage.open()]);
    const [here, there] = [consolePage(page), consolePage(other.page)];
    await here.field('Banner').fill('Come');
    await eventually(() => there.banner.innerText()).toBe('Come');
    await other.page.evaluate(noteBanners);
    const { compose, commit } = await inputMethod(page);
    await press(here.field('Banner'), 'End');
    for (const half of ['n', 'に', 'にh', 'にほ', 'にほn']) await compose(half);
    expect(await here.field('Banner').inputValue()).toBe('Comeにほn');
    // What comes after it by the same way has been seen.
    await there.field('Title').fill('Seen by both');
    await eventually(() => here.name.innerText()).toBe('Seen by both');
    await commit('日本');
    expect(await here.field('Banner').inputValue()).toBe('Come日本');
    await eventually(() => there.banner.innerText()).toBe('Come日本');
    await compose('ば');
    await compose('');
    await press(here.field('Banner'), 'End');
    expect(await here.field('Banner').inputValue()).toBe('Come日本');
    await here.field('Banner').pressSequentially('!');
    await eventually(() => there.banner.innerText()).toBe('Come日本!');
    expect(await other.page.evaluate(() => window.banners)).toEqual(['Come', 'Come日本', 'Come日本!']);
  });

  it('D139 are not replaced by what somebody else writes there meanwhile, who is not overwritten unknowingly', async () => {
    const [{ page }, other] = await Promise.all([stage.open(), stage.open()]);
    const [here, there] = [consolePage(page), consolePage(other.page)];
    await here.field('Banner').fill('Come');
    await eventually(() => there.banner.innerText()).toBe('Come');
    const { compose, commit } = await inputMethod(page);
    await press(here.field('Banner'), 'End');
    await compose('に');
    // Written over words that its editor knows of; the audience has a connection of its own.
    await eventually(() => there.field('Banner').inputValue()).toBe('Come');
    await there.field('Banner').fill('Theirs');
    await eventually(() => here.banner.innerText()).toBe('Theirs');
    await eventually(() => here.badge.innerText()).toMatch(/from another editor/);
    expect(await here.field('Banner').inputValue()).toBe('Comeに');
    await compose('にほn');
    await commit('日本');
    expect(await here.field('Banner').inputValue()).toBe('Come日本');
    await page.getByText('Somebody else wrote Theirs while you typed.').waitFor();
    expect(await there.banner.innerText()).toBe('Theirs');
    await page.getByRole('button', { name: 'Keep mine' }).click();
    await eventually(() => there.banner.innerText()).toBe('Come日本');
  });

  it('D165 are kept where a colleague archives the campaign meanwhile, and are in no version', async () => {
    const [{ page }, other] = await Promise.all([stage.open(), stage.open()]);
    const [here, there] = [consolePage(page), consolePage(other.page)];
    await here.field('Banner').fill('Come');
    await eventually(() => there.banner.innerText()).toBe('Come');
    const { compose, commit } = await inputMethod(page);
    await press(here.field('Banner'), 'End');
    await compose('に');
    await there.tab('Details').click();
    await other.page.getByRole('button', { name: 'Archive…' }).click();
    await other.page.getByRole('button', { name: 'Archive it' }).click();
    await page.getByText(/^Archived .*read-only\.$/).waitFor();
    await compose('にほn');
    await commit('日本');
    expect(await here.field('Banner').inputValue()).toBe('Come日本');
    const kept = page.getByRole('region', { name: 'Words that were not sent' });
    await eventually(() => kept.getByRole('listitem').innerText()).toMatch(/^Banner Come日本/);
    await other.page.getByRole('button', { name: 'Restore…' }).click();
    await other.page.getByRole('button', { name: 'Restore it' }).click();
    await page.getByText('The campaign can be edited again.').waitFor();
    expect(await there.banner.innerText()).toBe('Come');
    await kept.getByRole('button', { name: 'Send Banner' }).click();
    await eventually(() => there.banner.innerText()).toBe('Come日本');
  });
});
