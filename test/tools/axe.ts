import axe from 'axe-core';
import type { Page } from './browser.ts';

/** What axe finds on a page: each rule with where it is broken. The page has to be opened with `bypassCSP`. */
export async function axeFaults(page: Page): Promise<string[]> {
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axe.source);
  return page.evaluate(async () => {
    // The script above has put it there.
    const { axe: found } = globalThis as typeof globalThis & { axe: typeof axe };
    const { violations } = await found.run({ resultTypes: ['violations'] });
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`);
  });
}
