import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { openTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import type { Page } from '../tools/browser.ts';
import { eventually } from './support/eventually.ts';
import { press } from './support/press.ts';
import { useStage } from './support/stage.ts';

const stage = useStage();
let wire: TcpProxy;

beforeAll(async () => {
  wire = await openTcpProxy(Number(new URL(stage.server.url).port));
});
afterAll(() => wire?.close());

/** A browser of its own, with what it keeps. */
async function person(serverUrl: string): Promise<{
  page: Page;
  title: () => Promise<string>;
  features: () => Promise<string>;
  status: () => Promise<string>;
}> {
  const { page } = await stage.open(`${inject('pages')}offline-page/?server=${serverUrl}`);
  return {
    page,
    title: () => page.getByLabel('Title').inputValue(),
    features: () => page.getByRole('note').innerText(),
    status: () => page.getByRole('status').innerText(),
  };
}

async function addFeature(page: Page, name: string): Promise<void> {
  await page.getByLabel('Feature').fill(name);
  await press(page.getByLabel('Feature'), 'Enter');
}

it('K18 one goes offline, both edit, the first reloads while offline and comes back: nothing is lost, nothing doubled, and saved is saved', async () => {
  const anna = await person(wire.url);
  const ben = await person(stage.server.url);
  await eventually(anna.status).toBe('connected saved 0');
  await eventually(ben.status).toBe('connected saved 0');

  wire.sever();
  await eventually(anna.status).toBe('reconnecting saved 0');
  await addFeature(anna.page, 'from-anna');
  await anna.page.getByLabel('Title').fill('Anna, offline');
  await eventually(anna.status).toBe('reconnecting waiting 2');
  await addFeature(ben.page, 'from-ben');
  await eventually(ben.status).toBe('connected saved 0');

  await anna.page.reload();
  await eventually(anna.status).toMatch(/ing waiting 2$/);
  wire.restore();
  await eventually(anna.status).toBe('connected saved 0');
  // What is said to be saved outlives the hardest end.
  await stage.server.kill();
  await stage.server.startAgain();

  for (const { title, features, status } of [anna, ben]) {
    await eventually(status).toBe('connected saved 0');
    await eventually(title).toBe('Anna, offline');
    await eventually(features).toMatch(/from-ben from-anna$/);
  }
  expect((await anna.features()).match(/from-anna/g)).toHaveLength(1);
  expect(await anna.features()).toBe(await ben.features());
});
