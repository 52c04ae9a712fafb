import { beforeAll, describe, expect, it } from 'vitest';
import { consolePage } from './support/console-page.ts';
import { faintTexts } from './support/contrast.ts';
import { eventually } from './support/eventually.ts';
import { createExtremes, EXTREME_CAMPAIGNS } from './support/extremes.ts';
import { useStage } from './support/stage.ts';
import { tooWide } from './support/too-wide.ts';

const stage = useStage();
const TABS = ['Content', 'Features', 'Theme', 'Details', 'Forms', 'JSON'];
const NARROW = { width: 360, height: 740 };
const ON_ITS_SIDE = { width: 740, height: 360 };
/** A screen of 1440 by 900 at 200 %. */
const ENLARGED = { width: 720, height: 450 };

beforeAll(() => createExtremes(stage.server.url));

describe('strained', () => {
  it.each(EXTREME_CAMPAIGNS)('D22 keeps everything within its place: %s', async (campaign) => {
    const { page, errors } = await stage.open(`/?campaign=${campaign}`);
    const { tab, audience, field } = consolePage(page);
    await audience.getByRole('heading', { level: 1 }).waitFor();
    for (const viewport of [{ width: 1440, height: 900 }, NARROW]) {
      await page.setViewportSize(viewport);
      for (const name of TABS) {
        await tab(name).click();
        await eventually(async () => [name, viewport.width, ...(await tooWide(page))]).toEqual([name, viewport.width]);
      }
    }
    await tab('Content').click();
    await field('Title').fill('Still edited');
    await eventually(() => consolePage(page).name.innerText()).toBe('Still edited');
    expect(errors).toEqual([]);
  });

  it.each([
    ['a phone on its side', ON_ITS_SIDE],
    ['twice the size', ENLARGED],
  ])('D11 does not scroll sideways, and shows field and page together: %s', async (_name, viewport) => {
    const { page } = await stage.open('/', { viewport });
    const { field, banner, tab } = consolePage(page);
    for (const name of TABS) {
      await tab(name).click();
      await eventually(async () => [name, ...(await tooWide(page))]).toEqual([name]);
    }
    await tab('Content').click();
    await field('Banner').scrollIntoViewIfNeeded();
    for (const part of [field('Banner'), banner]) {
      await eventually(async () => {
        const box = await part.boundingBox();
        return box && box.y >= 0 && box.y < viewport.height;
      }).toBe(true);
    }
  });

  it('D22 lets words run in their own direction, in the console and on the page', async () => {
    const { page } = await stage.open('/?campaign=right_to_left');
    const { field, banner } = consolePage(page);
    await banner.waitFor();
    for (const part of [field('Banner'), field('Call to action'), banner]) {
      expect(await part.evaluate((element) => getComputedStyle(element).direction)).toBe('rtl');
    }
    expect(await field('Footer').evaluate((element) => getComputedStyle(element).direction)).toBe('ltr');
  });

  it('D22 shows what is chosen where the system chooses the colours', async () => {
    const { page } = await stage.open('/', { forcedColors: 'active' });
    const { tab, audience } = consolePage(page);
    await audience.getByRole('heading', { level: 1 }).waitFor();
    const line = (element: Element) => {
      const { borderBottomStyle, borderBottomWidth, borderBottomColor, backgroundColor } = getComputedStyle(element);
      return [borderBottomStyle, borderBottomWidth, borderBottomColor, backgroundColor].join();
    };
    expect(await tab('Content').evaluate(line)).not.toBe(await tab('Features').evaluate(line));
    const another = page.locator('.campaigns-scroll [aria-current=false]').first();
    expect(await another.evaluate(line)).not.toBe(await page.locator('nav [aria-current=true]').evaluate(line));
    const status = (name: string) => page.getByRole('radio', { name }).locator('+ span').evaluate(line);
    expect(await status('active')).not.toBe(await status('draft'));
    expect(await audience.locator('.progress-track').evaluate((track) => getComputedStyle(track).borderTopStyle)).toBe(
      'solid',
    );
  });

  it('D22 stays still for who wants no motion', async () => {
    const { page } = await stage.open('/', { reducedMotion: 'reduce' });
    const { field, banner } = consolePage(page);
    await field('Banner').fill('Without a flash');
    await eventually(() => banner.innerText()).toBe('Without a flash');
    const lengths = await page.evaluate(() =>
      document.getAnimations().map((animation) => Number(animation.effect?.getComputedTiming().duration ?? 0)),
    );
    expect(lengths.filter((milliseconds) => milliseconds > 1)).toEqual([]);
  });

  it('D15 keeps text readable where nothing may be edited, and where something was refused', async () => {
    const { page } = await stage.open('/?campaign=almost_nothing', { reducedMotion: 'reduce' });
    const { tab, field } = consolePage(page);
    const expectReadable = async () => {
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        await eventually(() => faintTexts(page, 4.5)).toEqual([]);
      }
    };
    await field('Title').fill('');
    await page.getByText('Title must not be empty.').waitFor();
    await expectReadable();
    await tab('Details').click();
    await page.getByRole('button', { name: 'Archive…' }).click();
    await expectReadable();
    await page.getByRole('button', { name: 'Archive it' }).click();
    await page.getByRole('button', { name: 'Restore…' }).waitFor();
    await expectReadable();
  });
});

describe('ten tabs at once', () => {
  it('D1 show the same, whichever of them edits', async () => {
    const tabs = await Promise.all(Array.from({ length: 10 }, () => stage.open('/?campaign=murmur_radio_launch')));
    const consoles = tabs.map(({ page }) => consolePage(page));
    let words = await consoles[0]?.banner.innerText();
    for (const [index, { banner, field }] of consoles.entries()) {
      // The panes have connections of their own. Words over others that the editor does not know of are a conflict, and
      // wait for an answer.
      if (words !== undefined)
        for (const shown of [() => banner.innerText(), () => field('Banner').inputValue()])
          await eventually(shown).toBe(words);
      words = `Written in tab ${index}`;
      await field('Banner').fill(words);
    }
    for (const { banner } of consoles) await eventually(() => banner.innerText()).toBe('Written in tab 9');
    for (const { saved } of consoles) await saved.waitFor();
  });
});
