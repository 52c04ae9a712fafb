import { describe, expect, it } from 'vitest';
import type { Page } from '../tools/browser.ts';
import { consolePage } from './support/console-page.ts';
import { eventually } from './support/eventually.ts';
import { useStage } from './support/stage.ts';

const stage = useStage();

/**
 * The name of what has the focus, as a screen reader would say it, and whether its focus ring is drawn. Nothing: the
 * page itself.
 */
function focused(page: Page): Promise<{ name: string; isSeen: boolean } | undefined> {
  return page.evaluate(() => {
    const element = document.activeElement;
    if (!(element instanceof HTMLElement) || element === document.body) return undefined;
    const labels =
      element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement ? element.labels : null;
    const name = element.getAttribute('aria-label') ?? labels?.[0]?.textContent ?? element.textContent ?? '';
    const ring = (of: Element | null) => of !== null && getComputedStyle(of).outlineStyle !== 'none';
    return { name: name.trim(), isSeen: ring(element) || ring(element.nextElementSibling) };
  });
}

/** Presses Tab until something of that name has the focus. */
async function tabTo(page: Page, name: string | RegExp): Promise<void> {
  for (let presses = 0; presses < 80; presses += 1) {
    await page.keyboard.press('Tab');
    const focus = await focused(page);
    // Behind the last element the way goes on at the first.
    if (!focus) continue;
    expect(focus.isSeen, `the focus on “${focus.name}” is seen`).toBe(true);
    if (typeof name === 'string' ? focus.name === name : name.test(focus.name)) return;
  }
  throw new Error(`Tab never came to ${name}`);
}

describe('by keyboard alone', () => {
  it('D10 a campaign is chosen, a text edited, a feature moved, and all of it taken back', async () => {
    const { page } = await stage.open();
    const { field, banner, modules, tab } = consolePage(page);
    await field('Title').waitFor();

    // The list is one stop; the arrow keys go along it.
    await tabTo(page, /^Ovasabi opens/);
    await page.keyboard.press('Home');
    const index = () => page.evaluate(() => document.activeElement?.closest('li')?.getAttribute('data-index'));
    for (let presses = 0; ; presses += 1) {
      expect(presses).toBeLessThan(8);
      // The focus comes once the row has been drawn.
      await eventually(index).toBe(String(presses));
      if ((await focused(page))?.name.startsWith('The Slow Letter')) break;
      await page.keyboard.press('ArrowDown');
    }
    await page.keyboard.press('Enter');
    await eventually(() => banner.innerText()).toBe('Sundays are for reading.');

    await tabTo(page, 'Banner');
    await page.keyboard.press('ControlOrMeta+A');
    await page.keyboard.type('By hand');
    await eventually(() => banner.innerText()).toBe('By hand');

    await tab('Content').focus();
    await page.keyboard.press('ArrowRight');
    await tabTo(page, 'Move referral earlier');
    await page.keyboard.press('Enter');
    await eventually(async () => (await modules.allInnerTexts())[0]).toBe('What comes in the post');
    // It is the first now and cannot go further: the focus stays with the chip, on the arrow that is left.
    await eventually(async () => (await focused(page))?.name).toBe('Move referral later');

    await tab('Features').focus();
    await page.keyboard.press('End');
    // The history is one stop too.
    await tabTo(page, /^v\d/);
    await page.keyboard.press('End');
    await eventually(async () => (await focused(page))?.name).toMatch(/^v1(?!\d)/);
    await tabTo(page, 'Restore version 1');
    await page.keyboard.press('Enter');
    // What will change is known by then.
    await page.getByRole('region', { name: 'What will change' }).waitFor();
    await tabTo(page, 'Restore it');
    await page.keyboard.press('Enter');
    await eventually(() => banner.innerText()).toBe('Sundays are for reading.');
  });

  it('D10 the tabs are walked with arrows, Home and End', async () => {
    const { page } = await stage.open();
    const { tab } = consolePage(page);
    await tab('Content').focus();
    for (const [key, name] of [
      ['ArrowLeft', 'History'],
      ['ArrowRight', 'Content'],
      ['End', 'History'],
      ['Home', 'Content'],
    ] as const) {
      await page.keyboard.press(key);
      await eventually(() => tab(name).getAttribute('aria-selected')).toBe('true');
      expect((await focused(page))?.name).toBe(name);
    }
  });

  it('D10 every control has a name', async () => {
    const { page } = await stage.open();
    const { tab, audience } = consolePage(page);
    await audience.getByRole('heading', { level: 1 }).waitFor();
    for (const name of ['Content', 'Features', 'Forms', 'Theme', 'Details', 'Audience', 'JSON', 'History']) {
      await tab(name).click();
      const snapshot = await page.locator('body').ariaSnapshot();
      expect(snapshot).not.toMatch(/^\s*- (button|textbox|combobox|slider|radio|spinbutton|link|tab)\s*(\[|:|$)/m);
    }
  });
});
