import type { Page } from '../../tools/browser.ts';

/**
 * What is wider than its place, but for what is made to scroll or to be cut short: strips, form controls, lines of code
 * that a keyboard reaches, what is said in one line.
 */
export function tooWide(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll('*')]
      .filter((element) => element.clientWidth > 1 && element.scrollWidth > element.clientWidth + 1)
      .filter(
        (element) =>
          !element.matches(
            '[role=tablist], nav ul, input, textarea, select, pre[tabindex="0"], .history-what, .section-what, .open-facts, .save-status',
          ),
      )
      .map((element) => `${element.tagName}.${element.className}: ${element.scrollWidth} in ${element.clientWidth}`),
  );
}
