import type { Page } from '../../tools/browser.ts';

/**
 * What is wider than its place, but for what is made to scroll or to be cut short: strips, form controls, one line of a
 * summary.
 */
export function tooWide(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll('*')]
      .filter((element) => element.clientWidth > 1 && element.scrollWidth > element.clientWidth + 1)
      .filter(
        (element) => !element.matches('[role=tablist], nav ul, input, textarea, select, .history-what, .section-what'),
      )
      .map((element) => `${element.tagName}.${element.className}: ${element.scrollWidth} in ${element.clientWidth}`),
  );
}
