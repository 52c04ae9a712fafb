import type { Locator, Page } from '../../tools/browser.ts';

/** The parts of the console that tests touch, by the names that people see. */
export function consolePage(page: Page) {
  const audience = page.getByRole('region', { name: 'The page as its audience sees it' });
  return {
    field: (label: string): Locator => page.getByLabel(label, { exact: true }),
    tab: (name: string): Locator => page.getByRole('tablist', { name: 'What to edit' }).getByRole('tab', { name }),
    badge: page.getByTestId('badge'),
    saved: page.getByText('All changes saved').first(),
    chips: page.getByRole('list', { name: 'Features' }).getByRole('listitem'),
    rows: page.locator('.history-row'),
    audience,
    banner: audience.getByRole('heading', { level: 1 }),
    name: audience.locator('.page-name'),
    modules: audience.locator('.module h2'),
  };
}

/** The version that the badge shows. */
export async function versionOf(page: Page): Promise<number> {
  return Number(/^v(\d+)/.exec(await page.getByTestId('badge').innerText())?.[1]);
}
