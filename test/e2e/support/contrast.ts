import type { Page } from '../../tools/browser.ts';

/** Text whose contrast against its background is too low: what it says, and the ratio. */
export interface FaintText {
  readonly text: string;
  readonly ratio: number;
}

/** Measures every visible piece of text on the page; disabled controls are exempt, as in WCAG. */
export function faintTexts(page: Page, minimum: number): Promise<FaintText[]> {
  return page.evaluate((least) => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 1, height: 1 });
    const context = canvas.getContext('2d', { willReadFrequently: true }) ?? missing();
    function missing(): never {
      throw new Error('no canvas');
    }
    type Colour = [red: number, green: number, blue: number, alpha: number];

    function read(colour: string): Colour {
      context.clearRect(0, 0, 1, 1);
      context.fillStyle = colour;
      context.fillRect(0, 0, 1, 1);
      const [red = 0, green = 0, blue = 0, alpha = 0] = context.getImageData(0, 0, 1, 1).data;
      return [red, green, blue, alpha / 255];
    }

    function over([r, g, b, a]: Colour, [r2, g2, b2]: Colour): Colour {
      return [r * a + r2 * (1 - a), g * a + g2 * (1 - a), b * a + b2 * (1 - a), 1];
    }

    function backgroundOf(element: Element | null): Colour {
      if (!element) return read('canvas');
      const own = read(getComputedStyle(element).backgroundColor);
      return own[3] === 1 ? own : over(own, backgroundOf(element.parentElement));
    }

    function luminance([r, g, b]: Colour): number {
      const linear = (channel: number) => {
        const c = channel / 255;
        return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
      };
      return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    }

    const faint: { text: string; ratio: number }[] = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const text = walker.currentNode.textContent?.trim() ?? '';
      const element = walker.currentNode.parentElement;
      if (
        text === '' ||
        !element?.checkVisibility() ||
        element.closest(':disabled, script, noscript, .visually-hidden')
      )
        continue;
      const background = backgroundOf(element);
      const ink = over(read(getComputedStyle(element).color), background);
      const [light = 0, dark = 0] = [luminance(ink), luminance(background)].toSorted((a, b) => b - a);
      const ratio = (light + 0.05) / (dark + 0.05);
      if (ratio < least) faint.push({ text, ratio: Math.round(ratio * 100) / 100 });
    }
    return faint;
  }, minimum);
}
