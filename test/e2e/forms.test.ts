import { describe, expect, it } from 'vitest';
import { createCampaignClient } from '../../client-sdk/src/index.ts';
import { axeFaults } from '../tools/axe.ts';
import type { Locator, Page } from '../tools/browser.ts';
import { consolePage } from './support/console-page.ts';
import { eventually } from './support/eventually.ts';
import { press } from './support/press.ts';
import { useStage } from './support/stage.ts';
import { tooWide } from './support/too-wide.ts';

const stage = useStage();

/** A picture of one pixel. */
const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

/** Opens a section of the document as a form. */
async function sectionOf(page: Page, title: string): Promise<Locator> {
  await consolePage(page).tab('Forms').click();
  const section = page.locator('details.section').filter({ has: page.getByText(title, { exact: true }) });
  await section.first().waitFor();
  if (!(await section.evaluate((details) => details.hasAttribute('open')))) await section.locator('summary').click();
  return section;
}

/** What the server has, by a client of its own. */
async function stateOf(campaignId: string) {
  const client = createCampaignClient({ url: stage.server.url });
  const { state } = await client.trpc.campaign.get.query({ campaignId });
  client.close();
  return state;
}

/** The script with the questions, with its list of them. */
async function openQuestions(page: Page) {
  const scripts = await sectionOf(page, 'Scripts');
  await scripts.getByRole('button', { name: 'faq', exact: true }).click();
  const list = scripts.getByRole('list', { name: 'Questions' });
  await list.waitFor();
  const titles = () => list.locator(':scope > li .item-title').allInnerTexts();
  return {
    scripts,
    list,
    titles,
    status: scripts.getByRole('group', { name: 'Questions' }).getByRole('status').last(),
  };
}

describe('forms', () => {
  it('D143 a module is picked by its name in words, is on the page with its form, and is edited there', async () => {
    const { page, errors } = await stage.open('/?campaign=murmur_radio_launch');
    const { tab, audience } = consolePage(page);
    await tab('Features').click();
    await page.getByLabel('Kind of module').selectOption({ label: 'Leaderboard' });
    await page.getByRole('button', { name: 'Add module' }).click();
    await audience.getByRole('heading', { name: 'Leaderboard' }).waitFor();
    const form = page.getByRole('group', { name: 'leaderboard', exact: true });
    await form.getByLabel('Heading', { exact: true }).fill('Who brought most');
    await audience.getByRole('heading', { name: 'Who brought most' }).waitFor();

    await form.getByRole('button', { name: 'Add entry' }).click();
    await form.getByLabel('Name', { exact: true }).fill('Ada');
    await form.getByLabel('Score', { exact: true }).fill('12');
    await audience.getByText('Ada', { exact: true }).waitFor();
    await eventually(async () => (await stateOf('murmur_radio_launch')).ui_components?.['leaderboard']).toEqual({
      type: 'leaderboard',
      title: 'Who brought most',
      entries: [{ name: 'Ada', score: 12 }],
    });
    expect(errors).toEqual([]);
  });

  it('D144 a list is added to, reordered by keys and by buttons, said aloud, removed from, and that undone', async () => {
    const { page } = await stage.open('/?campaign=skerry_bay_lifeboat');
    const { titles, list, scripts, status } = await openQuestions(page);
    const before = await titles();
    const [first = '', second = ''] = before;
    await list.getByRole('button', { name: `Move ${first}: drag, or use the arrow keys` }).focus();
    await page.keyboard.press('ArrowDown');
    await eventually(titles).toEqual([second, first, ...before.slice(2)]);
    await eventually(() => status.innerText()).toBe(`${first} is now 2 of ${before.length}`);
    // The focus has gone with it.
    await page.keyboard.press('ArrowUp');
    await eventually(titles).toEqual(before);
    await list.getByRole('button', { name: `Move ${second} up` }).click();
    await eventually(titles).toEqual([second, first, ...before.slice(2)]);

    await list.getByRole('button', { name: `Remove ${first}` }).click();
    await eventually(titles).toEqual([second, ...before.slice(2)]);
    await scripts.getByRole('button', { name: `Undo: bring ${first} back` }).click();
    await eventually(titles).toEqual([second, first, ...before.slice(2)]);

    await scripts.getByLabel('Kind of question').selectOption({ label: 'Question' });
    await scripts.getByRole('button', { name: 'Add question' }).click();
    await page.keyboard.type('Is it live?');
    await eventually(async () => (await titles()).at(-1)).toBe('Is it live?');
    await consolePage(page).audience.getByText('Is it live?').waitFor();
  });

  it('D144 a list is reordered by dragging, with a mouse and with a finger', async () => {
    const { page } = await stage.open('/?campaign=murmur_radio_launch', { hasTouch: true });
    const { titles, list } = await openQuestions(page);
    const before = await titles();
    const handles = list.locator('[data-control=handle]');
    const middle = async (index: number) => {
      const box = await handles.nth(index).boundingBox();
      if (!box) throw new Error('no handle');
      return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
    };
    await list.scrollIntoViewIfNeeded();
    const [one, three] = [await middle(0), await middle(2)];
    await page.mouse.move(one.x, one.y);
    await page.mouse.down();
    await page.mouse.move(three.x, three.y + 6, { steps: 5 });
    await page.mouse.up();
    const moved = [...before.slice(1), before[0]];
    await eventually(titles).toEqual(moved);

    const touch = await page.context().newCDPSession(page);
    const [from, to] = [await middle(2), await middle(0)];
    await touch.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [from] });
    for (let step = 1; step <= 5; step += 1)
      await touch.send('Input.dispatchTouchEvent', {
        type: 'touchMove',
        touchPoints: [{ x: from.x, y: from.y + ((to.y - 6 - from.y) * step) / 5 }],
      });
    await touch.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
    await eventually(titles).toEqual(before);
  });

  it('D145 two people edit two fields of one module, and neither meets the other', async () => {
    const [one, two] = await Promise.all([
      stage.open('/?campaign=skerry_bay_lifeboat'),
      stage.open('/?campaign=skerry_bay_lifeboat'),
    ]);
    const forms = await Promise.all(
      [one, two].map(async ({ page }) => {
        await consolePage(page).tab('Features').click();
        const form = page.getByRole('group', { name: 'progress', exact: true });
        await form.waitFor();
        return form;
      }),
    );
    const [mine, theirs] = forms;
    if (!mine || !theirs) throw new Error('two forms');
    await press(mine.getByLabel('Heading', { exact: true }), 'End');
    await Promise.all([
      mine.getByLabel('Heading', { exact: true }).pressSequentially(' by all of us'),
      theirs.getByLabel('Goal', { exact: true }).fill('350000'),
    ]);
    await eventually(async () => (await stateOf('skerry_bay_lifeboat')).ui_components?.['progress']).toMatchObject({
      label: 'Raised so far by all of us',
      goal: 350_000,
    });
    await eventually(() => theirs.getByLabel('Heading', { exact: true }).inputValue()).toBe(
      'Raised so far by all of us',
    );
    for (const { page } of [one, two]) expect(await page.locator('.field-conflict').count()).toBe(0);
  });

  it('D145 who edits a list that somebody else has changed meanwhile is told, and chooses', async () => {
    const [one, two] = await Promise.all([
      stage.open('/?campaign=slow_letter_referral'),
      stage.open('/?campaign=slow_letter_referral'),
    ]);
    const { page } = one;
    await page.clock.install();
    await page.reload();
    const [mine, theirs] = [await sectionOf(page, 'Communication'), await sectionOf(two.page, 'Communication')];
    await page.clock.pauseAt((await page.evaluate(() => Date.now())) + 5_000);
    const types = (section: Locator) => section.getByRole('list', { name: 'Types' }).getByRole('textbox');
    await types(mine).nth(0).click();
    // The first key is sent at once; the others are held, because the clock of this page stands still.
    await page.keyboard.type('Mine');
    await eventually(() => types(theirs).nth(0).inputValue()).toContain('M');
    await types(theirs).nth(1).fill('theirs');
    await page.getByText('Somebody else has changed this list while you edited it.').waitFor();
    await mine.getByRole('button', { name: 'Take theirs' }).click();
    await eventually(() => types(mine).nth(1).inputValue()).toBe('theirs');
    await eventually(() => page.getByText('Somebody else has changed this list').count()).toBe(0);
  });

  it('D146 what the schema does not allow is said beside its field, is not sent, and stays typed', async () => {
    const { page } = await stage.open('/?campaign=murmur_radio_launch');
    const commerce = await sectionOf(page, 'Commerce');
    await commerce.getByRole('button', { name: 'Ash', exact: true }).click();
    const price = commerce.getByLabel('Price', { exact: true });
    await price.fill('-1');
    await commerce.getByText('Price must be at least 0.').waitFor();
    await commerce.getByLabel('Name', { exact: true }).fill('');
    await commerce.getByText('Name must not be empty.').waitFor();
    await commerce.getByLabel('Link', { exact: true }).fill('javascript:alert(1)');
    await commerce.getByText('Link must be a URL with the scheme https.').waitFor();
    expect(await price.inputValue()).toBe('-1');
    expect(await price.getAttribute('aria-invalid')).toBe('true');
    expect((await stateOf('murmur_radio_launch'))['commerce']).toMatchObject({
      config: { products: expect.arrayContaining([expect.objectContaining({ name: 'Ash', price: 189 })]) },
    });
    await price.fill('199');
    await consolePage(page).audience.getByText('€199').waitFor();
    expect(await commerce.getByText('Price must be at least 0.').count()).toBe(0);
  });

  it('D147 a picture is added by its address, shown, and given words for those who do not see it', async () => {
    const { page } = await stage.open('/?campaign=murmur_radio_launch');
    await page.route('https://pictures.example/**', (route) =>
      route.fulfill({ contentType: 'image/png', body: Buffer.from(PIXEL, 'base64') }),
    );
    const commerce = await sectionOf(page, 'Commerce');
    await commerce.getByRole('button', { name: 'Ink', exact: true }).click();
    await commerce.getByLabel('Address of the picture').fill('https://pictures.example/ink.png');
    await press(commerce.getByLabel('Address of the picture'), 'Enter');
    await commerce.getByLabel('Alternative text').fill('A dark radio');
    await commerce.getByRole('img', { name: 'A dark radio' }).waitFor();
    await eventually(async () => (await stateOf('murmur_radio_launch'))['commerce']).toMatchObject({
      config: {
        products: expect.arrayContaining([
          expect.objectContaining({ photo: { src: 'https://pictures.example/ink.png', alt: 'A dark radio' } }),
        ]),
      },
    });
    await commerce.getByLabel('Address of the picture').fill('');
    await commerce.getByText('Address of the picture must not be empty.').waitFor();
    await commerce.getByRole('button', { name: 'Remove photo' }).click();
    await eventually(() => commerce.getByRole('img').count()).toBe(0);
    expect(JSON.stringify((await stateOf('murmur_radio_launch'))['commerce'])).not.toContain('pictures.example');
  });

  it('D147 what has no schema is a form of what it looks like, and the rest is JSON there', async () => {
    const { page } = await stage.open('/?campaign=ovasabi_website');
    const about = await sectionOf(page, 'About');
    await about.getByLabel('Contact', { exact: true }).fill('ada@ovasabi.example');
    await eventually(async () => (await stateOf('ovasabi_website')).about).toMatchObject({
      contact: 'ada@ovasabi.example',
    });
    const client = createCampaignClient({ url: stage.server.url });
    await client.campaign('ovasabi_website').update({ about: { odd: [null, 1] } });
    client.close();
    await about.getByRole('button', { name: 'odd', exact: true }).click();
    await about.getByRole('button', { name: 'Odd item 1', exact: true }).click();
    await about.getByRole('button', { name: 'Odd item 1 as JSON' }).click();
    await about.getByRole('textbox', { name: 'Odd item 1 as JSON' }).fill('"now a text"');
    await about.getByRole('button', { name: 'Apply odd item 1' }).click();
    await eventually(async () => (await stateOf('ovasabi_website')).about).toMatchObject({ odd: ['now a text', 1] });
  });

  it('D148 a broken formula, and a slug that is another campaign’s id, are said beside their fields', async () => {
    const { page } = await stage.open('/?campaign=murmur_radio_launch');
    const { tab, field } = consolePage(page);
    await tab('Details').click();
    await field('Ranking formula').fill('preorders * ');
    await page.getByText('After “*” a number or a name is missing.').waitFor();
    await field('Ranking formula').fill('preorders * 2');
    await eventually(() => page.getByText('a number or a name is missing').count()).toBe(0);
    await field('Slug').fill('skerry_bay_lifeboat');
    await page.getByText('This is the id of another campaign, “A new lifeboat for Skerry Bay”.').waitFor();
    await field('Slug').fill('murmur_radio_launch');
    await eventually(() => page.getByText('the id of another campaign').count()).toBe(0);
  });

  it('D149 axe finds nothing in open forms, in light and dark, and on a phone nothing is wider than it', async () => {
    const { page } = await stage.open('/?campaign=murmur_radio_launch', { bypassCSP: true, reducedMotion: 'reduce' });
    const { list, titles } = await openQuestions(page);
    const [first = ''] = await titles();
    await list.getByRole('button', { name: first, exact: true }).click();
    const commerce = await sectionOf(page, 'Commerce');
    await commerce
      .getByRole('button', { name: /^(Ink|Clay)$/ })
      .first()
      .click();
    await sectionOf(page, 'Theme');
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      // Colours take a moment to change.
      await eventually(() => axeFaults(page)).toEqual([]);
    }
    await page.setViewportSize({ width: 360, height: 740 });
    expect(await tooWide(page)).toEqual([]);
  });
});
