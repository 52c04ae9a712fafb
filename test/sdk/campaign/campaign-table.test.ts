import { expect, test, vi } from 'vitest';
import {
  campaignTable,
  type CampaignTableQuery,
  type CampaignTableStore,
} from '../../../client-sdk/src/campaigns/index.ts';
import type { CampaignClient } from '../../../client-sdk/src/index.ts';
import { createTestCampaign } from '../../../client-sdk/src/testing/index.ts';
import { manualClock } from '../support/manual-clock.ts';
import { refusingPages } from '../support/refusing-pages.ts';
import { client, later, server, WAIT } from '../support/world.ts';

function shown(made: CampaignClient, query?: CampaignTableQuery): CampaignTableStore {
  const table = campaignTable(made, query);
  later(table.subscribe(() => undefined));
  return table;
}

const ids = (table: CampaignTableStore) =>
  [...table.getSnapshot().rows].toSorted(([a], [b]) => a - b).map(([, { campaignId }]) => campaignId);

const create = (made: CampaignClient, campaignId: string, title = campaignId) =>
  made.trpc.campaign.create.mutate({ campaignId, state: { slug: campaignId, title, status: 'active' } });

test('K342 a table is ordered by last change, live: what is created or changed moves to its place', async () => {
  const { url } = await server({ campaigns: [] });
  const made = client(url);
  for (const id of ['a', 'b', 'c']) await create(made, id);
  const [table, byTitle] = [shown(made), shown(made, { sort: 'title', search: 'x' })];
  expect(table.getSnapshot()).toMatchObject({ status: 'pending', total: 0 });
  await vi.waitFor(() => expect(ids(table)).toEqual(['c', 'b', 'a']), WAIT);
  expect(table.getSnapshot()).toMatchObject({ status: 'success', total: 3 });
  await made.campaign('a').update({ title: 'X2' });
  await made.campaign('b').update({ title: 'x1' });
  await vi.waitFor(() => expect(ids(table)).toEqual(['b', 'a', 'c']), WAIT);
  await vi.waitFor(() => expect(ids(byTitle)).toEqual(['b', 'a']), WAIT);
  await made.campaign('a').update({ title: 'X0' });
  await vi.waitFor(() => expect(ids(byTitle)).toEqual(['a', 'b']), WAIT);
});

test('K342 only the pages in view have a stream; rows out of view are remembered', () => {
  const clock = manualClock();
  const kit = createTestCampaign({ campaignId: 'spring', clock });
  later(kit.client.close);
  const open = new Set<number>();
  const trpc = {
    campaign: {
      watchList: {
        subscribe({ offset }: { offset: number }, { onData }: { onData: (event: object) => void }) {
          open.add(offset);
          const campaigns = Array.from({ length: 50 }, (_, index) => ({
            campaignId: `c${String(offset + index).padStart(5, '0')}`,
            title: 'C',
            version: 1,
            updatedAt: 0,
          }));
          onData({ type: 'page', campaigns, total: 10_000 });
          return { unsubscribe: () => open.delete(offset) };
        },
      },
    },
  };
  const table = campaignTable({ ...kit.client, trpc: trpc as unknown as CampaignClient['trpc'] }, {}, clock);
  const stop = table.subscribe(() => undefined);
  expect([...open]).toEqual([0]);
  table.show(9_930, 9_960);
  expect([...open]).toEqual([9_900, 9_950]);
  expect(table.getSnapshot().total).toBe(10_000);
  expect(table.getSnapshot().rows.get(9_942)?.campaignId).toBe('c09942');
  expect(table.getSnapshot().rows.get(3)?.campaignId).toBe('c00003');
  for (let first = 0; first < 9_000; first += 50) table.show(first, first);
  expect(table.getSnapshot().rows.size).toBeLessThanOrEqual(1_050);
  table.show(0, 10_000);
  expect(open.size).toBe(5);
  stop();
  clock.advance(10_000);
  expect(open.size).toBe(0);
});

test('K343 each page in view has an error of its own, which another page’s answer does not hide; with other rights those alone are asked for again', async () => {
  const kit = createTestCampaign({ campaignId: 'spring' });
  later(kit.client.close);
  await kit.client.authenticate('mine');
  const pages = refusingPages([50]);
  const table = campaignTable({ ...kit.client, trpc: pages.trpc });
  later(table.subscribe(() => undefined));
  table.show(0, 60);
  expect(pages.opened).toEqual([0, 50]);
  pages.answer(0);
  expect(table.getSnapshot()).toMatchObject({ status: 'error', error: { reason: 'FORBIDDEN' } });
  expect(table.getSnapshot().rows.get(0)?.campaignId).toBe('c0');
  pages.allow();
  await kit.client.authenticate('mine');
  expect(pages.opened).toEqual([0, 50, 50]);
  pages.answer(50);
  expect(table.getSnapshot()).toMatchObject({ status: 'success', error: undefined });
  expect([...table.getSnapshot().rows].map(([place, { campaignId }]) => `${place} ${campaignId}`)).toEqual([
    '0 c0',
    '50 c50',
  ]);
});

test('K343 a refusal of rows that are out of view again is not shown', () => {
  const kit = createTestCampaign({ campaignId: 'spring' });
  later(kit.client.close);
  const pages = refusingPages([50]);
  const table = campaignTable({ ...kit.client, trpc: pages.trpc });
  later(table.subscribe(() => undefined));
  pages.answer(0);
  table.show(0, 60);
  expect(table.getSnapshot().status).toBe('error');
  table.show(0, 10);
  expect(table.getSnapshot()).toMatchObject({ status: 'success', error: undefined });
});

test('K344 once the client is another user’s, a table has nothing of the former one', async () => {
  const kit = createTestCampaign({ campaignId: 'spring' });
  later(kit.client.close);
  await kit.client.authenticate('hers');
  const pages = refusingPages([]);
  const table = campaignTable({ ...kit.client, trpc: pages.trpc });
  later(table.subscribe(() => undefined));
  pages.answer(0);
  expect(table.getSnapshot().total).toBe(100);
  await kit.client.authenticate('his');
  expect(table.getSnapshot()).toMatchObject({ status: 'pending', total: 0, rows: new Map() });
  expect(pages.opened).toEqual([0, 0]);
});
