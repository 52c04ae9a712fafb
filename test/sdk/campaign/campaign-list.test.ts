import { expect, test, vi } from 'vitest';
import { listCampaigns, type CampaignFilter, type CampaignListStore } from '../../../client-sdk/src/campaigns/index.ts';
import type { CampaignClient } from '../../../client-sdk/src/index.ts';
import { createTestCampaign } from '../../../client-sdk/src/testing/index.ts';
import { manualClock } from '../support/manual-clock.ts';
import { refusingPages } from '../support/refusing-pages.ts';
import { SECRET, token } from '../support/token.ts';
import { client, later, proxyOf, server, WAIT } from '../support/world.ts';

function shown(made: CampaignClient, filter?: CampaignFilter): CampaignListStore {
  const list = listCampaigns(made, filter);
  later(list.subscribe(() => undefined));
  return list;
}

const rows = (list: CampaignListStore) =>
  list.getSnapshot().campaigns.map(({ campaignId, title }) => `${campaignId} ${title}`);
const ids = (list: CampaignListStore) => list.getSnapshot().campaigns.map(({ campaignId }) => campaignId);

const create = (made: CampaignClient, campaignId: string, title = campaignId, status = 'active') =>
  made.trpc.campaign.create.mutate({ campaignId, state: { slug: campaignId, title, status } });

test('K284 the list is live: what is created, renamed, archived and filtered out', async () => {
  const { url } = await server();
  const made = client(url);
  const all = shown(made);
  const active = shown(made, { status: 'active' });
  expect(all.getSnapshot()).toMatchObject({ status: 'pending', campaigns: [], hasMore: false });
  await vi.waitFor(() => expect(rows(all)).toEqual(['autumn Autumn', 'spring Spring']), WAIT);
  expect(all.getSnapshot().status).toBe('success');
  await create(made, 'middle', 'Middle');
  await vi.waitFor(() => expect(ids(all)).toEqual(['autumn', 'middle', 'spring']), WAIT);
  await vi.waitFor(() => expect(ids(active)).toEqual(['middle']), WAIT);
  await made.campaign('middle').update({ title: 'Renamed' });
  await vi.waitFor(() => expect(rows(all)[1]).toBe('middle Renamed'), WAIT);
  await made.campaign('middle').update({ status: 'paused' });
  await vi.waitFor(() => expect(ids(active)).toEqual([]), WAIT);
  await made.trpc.campaign.archive.mutate({ campaignId: 'spring' });
  await vi.waitFor(
    () =>
      expect(all.getSnapshot().campaigns.find(({ campaignId }) => campaignId === 'spring')?.archivedAt).toBeGreaterThan(
        0,
      ),
    WAIT,
  );
});

test('K284 pages are loaded one by one, and stay contiguous when campaigns come in between', async () => {
  const { url } = await server({ campaigns: [] });
  const made = client(url);
  for (const id of ['a', 'c', 'e', 'g']) await create(made, id);
  const list = shown(made, { limit: 2 });
  await vi.waitFor(() => expect(ids(list)).toEqual(['a', 'c']), WAIT);
  expect(list.getSnapshot().hasMore).toBe(true);
  list.loadMore();
  await vi.waitFor(() => expect(ids(list)).toEqual(['a', 'c', 'e', 'g']), WAIT);
  await vi.waitFor(() => expect(list.getSnapshot().hasMore).toBe(false), WAIT);
  list.loadMore();
  // It pushes `c` off the first page, and `g` off the second.
  await create(made, 'b');
  await vi.waitFor(() => expect(ids(list)).toEqual(['a', 'b', 'c', 'e']), WAIT);
  expect(list.getSnapshot().hasMore).toBe(true);
  list.loadMore();
  await vi.waitFor(() => expect(ids(list)).toEqual(['a', 'b', 'c', 'e', 'g']), WAIT);
});

test('K284 a search is the server’s: in ids, titles, owners and tags, page by page, live', async () => {
  const { url } = await server({ campaigns: [] });
  const made = client(url);
  for (const [id, title] of [
    ['a', 'Summer'],
    ['b', 'Winter'],
    ['summer-sale', 'Sale'],
    ['z', 'Midsummer'],
  ] as const)
    await create(made, id, title);
  const list = shown(made, { search: 'SUMMER', limit: 2 });
  await vi.waitFor(() => expect(ids(list)).toEqual(['a', 'summer-sale']), WAIT);
  list.loadMore();
  await vi.waitFor(() => expect(ids(list)).toEqual(['a', 'summer-sale', 'z']), WAIT);
  const owned = shown(made, { owner: 'ada', archived: false });
  const tagged = shown(made, { tag: 'late summer' });
  await made.campaign('b').update({ tags: ['late summer'], owner_id: 'ada' });
  await vi.waitFor(() => expect(ids(list)).toEqual(['a', 'b', 'summer-sale', 'z']), WAIT);
  await vi.waitFor(() => expect([ids(owned), ids(tagged)]).toEqual([['b'], ['b']]), WAIT);
});

test('K284 it goes on after the link was lost, and with other rights; it is by rights', async () => {
  const started = await server({
    auth: { kind: 'secret', secret: SECRET },
    publicRead: true,
    campaigns: [
      { campaignId: 'draft', state: { slug: 'draft', title: 'Draft', status: 'draft' } },
      { campaignId: 'open', state: { slug: 'open', title: 'Open', status: 'active' } },
    ],
  });
  const proxy = await proxyOf(started);
  const made = client(proxy.url);
  const [list, active] = [shown(made), shown(made, { status: 'active' })];
  await vi.waitFor(() => expect(ids(list)).toEqual(['open']), WAIT);
  await vi.waitFor(() => expect(ids(active)).toEqual(['open']), WAIT);
  proxy.sever();
  await vi.waitFor(() => expect(made.connection.getSnapshot().status).toBe('reconnecting'), WAIT);
  expect(ids(list)).toEqual(['open']);
  const admin = client(started.url, { token: await token('admin') });
  await create(admin, 'later');
  proxy.restore();
  await vi.waitFor(() => expect(ids(list)).toEqual(['later', 'open']), WAIT);
  await made.authenticate(await token('admin'));
  await vi.waitFor(() => expect(ids(list)).toEqual(['draft', 'later', 'open']), WAIT);
  made.close();
  await vi.waitFor(
    () => expect(list.getSnapshot()).toMatchObject({ status: 'error', error: { reason: 'UNAVAILABLE' } }),
    WAIT,
  );
});

test('K284 what is refused is asked for again with other rights, and the streams end with the last subscriber', async () => {
  const clock = manualClock();
  const kit = createTestCampaign({ campaignId: 'spring', clock });
  later(kit.client.close);
  const opened = vi.fn();
  const closed = vi.fn();
  let refuse = true;
  const trpc = {
    campaign: {
      watchList: {
        subscribe(input: object, observer: { onData: (event: object) => void; onError: (error: Error) => void }) {
          opened(input);
          if (refuse)
            observer.onError(Object.assign(new Error('no'), { data: { code: 'FORBIDDEN', reason: 'FORBIDDEN' } }));
          else
            observer.onData({ type: 'page', campaigns: [{ campaignId: 'a', title: 'A', version: 1, updatedAt: 0 }] });
          return { unsubscribe: closed };
        },
      },
    },
  };
  const list = listCampaigns({ ...kit.client, trpc: trpc as unknown as CampaignClient['trpc'] }, {}, clock);
  const first = list.subscribe(() => undefined);
  const second = list.subscribe(() => undefined);
  expect(list.getSnapshot()).toMatchObject({ status: 'error', error: { reason: 'FORBIDDEN' } });
  refuse = false;
  await kit.client.authenticate('another');
  expect(list.getSnapshot()).toMatchObject({ status: 'success', error: undefined });
  expect(opened).toHaveBeenCalledTimes(2);
  closed.mockClear();
  first();
  first();
  clock.advance(10_000);
  expect(closed).not.toHaveBeenCalled();
  second();
  clock.advance(1_000);
  const third = list.subscribe(() => undefined);
  clock.advance(10_000);
  expect(closed).not.toHaveBeenCalled();
  third();
  clock.advance(10_000);
  expect(closed).toHaveBeenCalledTimes(1);
});

test('K343 a page that is refused stays so while others are answered, and is asked for again with other rights, alone', async () => {
  const kit = createTestCampaign({ campaignId: 'spring' });
  later(kit.client.close);
  await kit.client.authenticate('mine');
  const pages = refusingPages(['c']);
  const list = listCampaigns({ ...kit.client, trpc: pages.trpc });
  later(list.subscribe(() => undefined));
  pages.answer('', 'c');
  list.loadMore();
  expect(list.getSnapshot()).toMatchObject({ status: 'error', error: { reason: 'FORBIDDEN' } });
  pages.answer('', 'c');
  expect(list.getSnapshot()).toMatchObject({ status: 'error', error: { reason: 'FORBIDDEN' } });
  pages.allow();
  await kit.client.authenticate('mine');
  expect(pages.opened).toEqual(['', 'c', 'c']);
  pages.answer('c');
  expect(list.getSnapshot()).toMatchObject({ status: 'success', error: undefined });
  expect(ids(list)).toEqual(['c', 'cc']);
});

test('K344 once the client is another user’s, a list has nothing of the former one', async () => {
  const kit = createTestCampaign({ campaignId: 'spring' });
  later(kit.client.close);
  await kit.client.authenticate('hers');
  const pages = refusingPages([]);
  const list = listCampaigns({ ...kit.client, trpc: pages.trpc });
  later(list.subscribe(() => undefined));
  pages.answer('');
  expect(ids(list)).toEqual(['c']);
  await kit.client.authenticate('his');
  expect(list.getSnapshot()).toMatchObject({ status: 'pending', campaigns: [] });
  pages.answer('');
  expect(ids(list)).toEqual(['c']);
});
