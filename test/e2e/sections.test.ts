import { describe, expect, it } from 'vitest';
import { createCampaignClient } from '../../client-sdk/src/index.ts';
import { axeFaults } from '../tools/axe.ts';
import { consolePage } from './support/console-page.ts';
import { eventually } from './support/eventually.ts';
import { press } from './support/press.ts';
import { useStage } from './support/stage.ts';
import type { Page } from '../tools/browser.ts';

const stage = useStage();

/** The text of an editor, of which CodeMirror draws only the lines in view: it is read from its state. */
function textIn(content: Element): string {
  const { cmTile } = content as Element & { readonly cmTile: { root: { view: { state: { sliceDoc(): string } } } } };
  return cmTile.root.view.state.sliceDoc();
}

/** Opens a section's text. */
async function sectionOf(page: Page, name: string) {
  await consolePage(page).tab('JSON').click();
  const section = page.locator('details.section').filter({ has: page.locator('summary', { hasText: name }) });
  const text = page.getByLabel(`${name} as JSON`);
  if (!(await section.evaluate((details) => details.hasAttribute('open')))) await section.locator('summary').click();
  await text.waitFor();
  return {
    text,
    read: async () => JSON.parse(await text.evaluate(textIn)),
    write: async (value: unknown) => text.fill(JSON.stringify(value, undefined, 2)),
    apply: () => page.getByRole('button', { name: 'Apply' }).click(),
  };
}

describe('sections as text', () => {
  it('D19 shows nothing before it is applied, keeps the text meanwhile, and then shows it everywhere', async () => {
    const { page } = await stage.open('/?campaign=ovasabi_website');
    const { audience, tab } = consolePage(page);
    const scripts = await sectionOf(page, 'scripts');
    const value = await scripts.read();
    value.welcome.main_text = 'Applied, not typed.';
    await scripts.write(value);
    await tab('Content').click();
    expect(await audience.getByText('Applied, not typed.').count()).toBe(0);
    await tab('JSON').click();
    await page.getByText('not applied').waitFor();
    const again = await sectionOf(page, 'scripts');
    expect((await again.read()).welcome.main_text).toBe('Applied, not typed.');
    await again.apply();
    await audience.getByText('Applied, not typed.').waitFor();
    await eventually(() => page.getByText('not applied').count()).toBe(0);
  });

  it('D19 names the line where it is no JSON, and where the server refuses it; the text stays', async () => {
    const { page } = await stage.open('/?campaign=ovasabi_website');
    const scripts = await sectionOf(page, 'scripts');
    const value = await scripts.read();
    await scripts.text.fill('{\n  "faq": {\n    main_text: 1\n  }\n}');
    await scripts.apply();
    await page.getByText(/^Line 3: /).waitFor();

    value.faq.main_text = 7;
    await scripts.write(value);
    await scripts.apply();
    await page.getByText(/^Line \d+: “faq\.main_text” must be text\.$/).waitFor();
    const selected = await scripts.text.evaluate(() => getSelection()?.toString() ?? '');
    expect(selected.trim()).toBe('"main_text": 7,');
    await page.getByRole('button', { name: 'Discard' }).click();
    expect((await scripts.read()).faq.main_text).not.toBe(7);
  });

  it('D19 merges with what somebody else has changed in the same section meanwhile', async () => {
    const [one, two] = await Promise.all([
      stage.open('/?campaign=ovasabi_website'),
      stage.open('/?campaign=ovasabi_website'),
    ]);
    const [mine, theirs] = [await sectionOf(one.page, 'communication'), await sectionOf(two.page, 'communication')];
    const value = await mine.read();
    await mine.write({ ...value, types: ['mine'] });
    await theirs.write({ ...value, levels: { loud: 'theirs' } });
    await theirs.apply();
    await one.page.getByText('Yours will be merged with theirs.').waitFor();
    await mine.apply();
    await eventually(theirs.read).toEqual({ levels: { loud: 'theirs' }, types: ['mine'] });

    await mine.write({ types: ['mine again'] });
    await theirs.write({ types: ['theirs'] });
    await theirs.apply();
    await one.page.getByText(/Applying overwrites what they wrote at types\.$/).waitFor();
  });

  it('D19 adds a module and removes it', async () => {
    const { page } = await stage.open('/?campaign=ovasabi_website');
    const { field, tab } = consolePage(page);
    await tab('JSON').click();
    await field('Add a module').fill('theme');
    await page.getByText('theme is there already.').waitFor();
    await field('Add a module').fill('commerce');
    await press(field('Add a module'), 'Enter');
    const commerce = await sectionOf(page, 'commerce');
    await commerce.write({ enabled: true, config: { products: [] } });
    await commerce.apply();
    const other = await sectionOf((await stage.open('/?campaign=ovasabi_website')).page, 'commerce');
    await eventually(other.read).toEqual({ enabled: true, config: { products: [] } });
    await page.getByRole('button', { name: 'Remove commerce' }).click();
    await eventually(() => other.text.count()).toBe(0);
  });

  it('D130 marks every fault while one types, and Tab leaves the editor', async () => {
    const { page } = await stage.open('/?campaign=ovasabi_website');
    const { text } = await sectionOf(page, 'communication');
    await text.fill('{\n  "types": [1,],\n  levels: {}\n}');
    await eventually(() => page.locator('.cm-lint-marker-error').count()).toBeGreaterThan(1);
    await page.locator('.cm-lintRange-error').first().hover();
    await page.locator('.cm-tooltip').getByText('A value is expected here.').waitFor();
    await press(text, 'Tab');
    expect(await text.evaluate((content) => content === document.activeElement)).toBe(false);
  });

  it('D130 shows what somebody else wrote meanwhile beside one’s own, and takes it over', async () => {
    const [one, two] = await Promise.all([
      stage.open('/?campaign=ovasabi_website'),
      stage.open('/?campaign=ovasabi_website'),
    ]);
    const [mine, theirs] = [await sectionOf(one.page, 'communication'), await sectionOf(two.page, 'communication')];
    await mine.write({ types: ['mine'], levels: { loud: 'mine' } });
    await theirs.write({ types: ['theirs'], levels: { loud: 'mine' } });
    await theirs.apply();
    await one.page.getByRole('button', { name: 'Compare with theirs' }).click();
    const take = one.page.getByRole('button', { name: 'Take theirs' });
    await take.first().waitFor();
    while ((await take.count()) > 0) await take.first().click();
    expect(await mine.read()).toEqual({ types: ['theirs'], levels: { loud: 'mine' } });
  });

  it('D167 offers what the schema lets stand there, by keys alone, and says what it is', async () => {
    const { page, errors } = await stage.open('/?campaign=ovasabi_website', { bypassCSP: true });
    const { text, read } = await sectionOf(page, 'ui_content');
    await text.fill('{}');
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('Control+Space');
    const list = page.getByRole('listbox');
    await list.getByRole('option', { name: 'banner' }).waitFor();
    expect(await axeFaults(page)).toEqual([]);
    await page.keyboard.type('"ban');
    await eventually(() => list.getByRole('option').count()).toBe(1);
    await page.keyboard.press('Enter');
    expect(Object.keys(await read())).toEqual(['banner']);
    await text.getByText('banner').hover();
    await page.locator('.json-said').getByText(/^Text/).waitFor();
    await page.getByRole('button', { name: 'Discard' }).click();
    await eventually(async () => Object.keys(await read()).length).toBeGreaterThan(1);
    expect(await page.getByRole('button', { name: 'Apply' }).isDisabled()).toBe(true);
    expect(errors).toEqual([]);
  });

  it('D130 draws the lines in view alone, so that a large section is as quick as a small one', async () => {
    const { page } = await stage.open('/?campaign=ovasabi_website');
    const client = createCampaignClient({ url: stage.server.url });
    const levels = Object.fromEntries(Array.from({ length: 2_000 }, (_, index) => [`level${index}`, 'x'.repeat(60)]));
    await client.campaign('ovasabi_website').update({ communication: { levels } });
    client.close();
    const { text, read } = await sectionOf(page, 'communication');
    await eventually(read).toMatchObject({ levels });
    expect(await text.locator('.cm-line').count()).toBeLessThan(300);
    await press(text, 'Control+Home');
    await text.pressSequentially(' ');
    await page.getByText('not applied').waitFor();
  });
});
