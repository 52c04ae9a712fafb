import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { consolePage } from './support/console-page.ts';
import { enterAs, type Person } from './support/enter-as.ts';
import { eventually } from './support/eventually.ts';
import { useStage } from './support/stage.ts';

const AUTH_SECRET = randomBytes(32).toString('hex');
const stage = useStage({ AUTH_SECRET });
const ADA: Person = { id: 'ada', name: 'Ada Lovelace', role: 'editor' };
const GRACE: Person = { id: 'grace', name: 'Grace Hopper', role: 'editor' };
const ROOT: Person = { id: 'root', name: 'Mary Root', role: 'admin' };

async function openAs(person: Person) {
  const tab = await stage.open();
  await enterAs(tab.page, person, AUTH_SECRET);
  return { ...tab, ...consolePage(tab.page), faces: tab.page.getByRole('list', { name: 'Who is here' }) };
}

describe('several people', () => {
  it('D31 one edits: the other sees the face, the name at the field, the lock; waits, and has it when the first is gone', async () => {
    const [ada, grace] = await Promise.all([openAs(ADA), openAs(GRACE)]);
    await eventually(() => grace.faces.getByRole('listitem').allInnerTexts()).toEqual(
      expect.arrayContaining([expect.stringContaining('Ada Lovelace'), expect.stringContaining('Grace Hopper (you)')]),
    );
    const watching = grace.audience.getByText(/\d watching/);
    await eventually(() => watching.innerText()).toBe('4 watching');
    await grace.page.getByRole('navigation', { name: 'Campaigns' }).getByText('4 watching').waitFor();

    await ada.page.getByRole('button', { name: 'Lock words of the page' }).click();
    await ada.field('Banner').fill('Ada has the word');
    const field = grace.page.locator('.field', { has: grace.field('Banner') }).last();
    await field.getByText('Ada Lovelace').waitFor();
    await grace.page.getByText('Ada Lovelace is editing this').waitFor();
    await eventually(() => grace.field('Banner').isDisabled()).toBe(true);
    expect(await grace.field('Title').isEnabled()).toBe(true);
    // Only who may is offered it.
    expect(await grace.page.getByRole('button', { name: 'Take over words of the page' }).count()).toBe(0);

    await grace.page.getByRole('button', { name: 'Wait for words of the page' }).click();
    await grace.page.getByText('Waiting for Ada Lovelace').waitFor();
    await ada.page.close();
    await grace.page.getByText('Only you can edit this').waitFor();
    await grace.field('Banner').fill('Grace goes on');
    await eventually(() => grace.banner.innerText()).toBe('Grace goes on');
    await eventually(() => watching.innerText()).toBe('2 watching');
    await eventually(() => grace.faces.getByRole('listitem').count()).toBe(1);
    expect(ada.errors).toEqual([]);
  });

  it('D111 a tab that is closed gives its lock up, also where its WebSocket brings nothing out any more', async () => {
    const [ada, grace] = await Promise.all([openAs(ADA), openAs(GRACE)]);
    await ada.page.getByRole('button', { name: 'Lock words of the page' }).click();
    await grace.page.getByRole('button', { name: 'Wait for words of the page' }).click();
    await grace.page.getByText('Waiting for Ada Lovelace').waitFor();
    await ada.page.evaluate(() => {
      WebSocket.prototype.send = () => undefined;
    });
    await ada.page.close({ runBeforeUnload: true });
    // By itself it would end with its time only, twenty seconds from now at the earliest, for which nothing here waits.
    await grace.page.getByText('Only you can edit this').waitFor();
  });

  it('D32 an admin takes a section over; who had it is told, and loses it', async () => {
    const [ada, root] = await Promise.all([openAs(ADA), openAs(ROOT)]);
    await ada.tab('Theme').click();
    await ada.page.getByRole('button', { name: 'Lock colours and shapes' }).click();
    // It stays while one looks elsewhere.
    await ada.tab('Content').click();
    await root.tab('Theme').click();
    await root.page.getByRole('button', { name: 'Take over colours and shapes' }).click();
    await root.page.getByText('Only you can edit this').waitFor();
    await ada.tab('Theme').click();
    await ada.page.getByText('Mary Root took this over').waitFor();
    await eventually(() => ada.field('Accent').isDisabled()).toBe(true);
    await root.page.getByRole('button', { name: 'Unlock colours and shapes' }).click();
    await eventually(() => ada.field('Accent').isEnabled()).toBe(true);
  });
});
