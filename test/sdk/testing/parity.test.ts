import { afterEach, describe, expect, test, vi } from 'vitest';
import { createCampaignClient, type Campaign, type CampaignClient } from '../../../client-sdk/src/index.ts';
import { createTestCampaign } from '../../../client-sdk/src/testing/index.ts';
import type { CampaignState } from '../../../server/core/document/campaign.ts';
import type { ListEvent } from '../../../server/core/stream/list-events.ts';
import { openTcpProxy } from '../../support/tcp-proxy.ts';
import { startServer } from '../support/server.ts';
import { WAIT } from '../support/world.ts';

/** A campaign `spring` somewhere, with two clients; the first one's link can be cut. */
interface Place {
  readonly mine: CampaignClient;
  readonly theirs: CampaignClient;
  readonly drop: () => void;
  readonly reconnect: () => void;
}

const STATE: CampaignState = { slug: 'spring', title: 'Spring', features: ['referral'] };

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function inMemory(): Promise<Place> {
  const campaign = createTestCampaign({ campaignId: 'spring', state: STATE });
  const { client: theirs } = campaign.connect();
  closing.push(theirs.close, campaign.client.close);
  return { mine: campaign.client, theirs, drop: campaign.drop, reconnect: campaign.reconnect };
}

async function onServer(): Promise<Place> {
  const server = await startServer({
    campaigns: [{ campaignId: 'spring', state: structuredClone({ ...STATE }) as never }],
  });
  const proxy = await openTcpProxy(server.port);
  const mine = createCampaignClient({ url: proxy.url });
  const theirs = createCampaignClient({ url: server.url });
  closing.push(
    () => server.close(),
    () => proxy.close(),
    theirs.close,
    mine.close,
  );
  return { mine, theirs, drop: () => proxy.sever(), reconnect: () => proxy.restore() };
}

async function live(campaign: Campaign): Promise<Campaign> {
  closing.push(campaign.subscribe(() => undefined));
  await vi.waitFor(() => expect(campaign.getSnapshot().status).toBe('success'), WAIT);
  return campaign;
}

const refusal = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    ({ reason, retryable, path }: { reason: string; retryable: boolean; path?: unknown }) => ({
      reason,
      retryable,
      path,
    }),
  );

describe.each([
  ['in memory', inMemory],
  ['on the real server', onServer],
])('K70 %s', (_name, open) => {
  test('K70 a snapshot, then the changes of others and one’s own', async () => {
    const { mine, theirs } = await open();
    const campaign = await live(mine.campaign());
    expect(campaign.getSnapshot()).toMatchObject({ campaignId: 'spring', version: 1, state: STATE, durableVersion: 1 });
    expect(await theirs.campaign('spring').update({ title: 'Theirs', description: 'x' })).toMatchObject({
      version: 2,
      changed: true,
    });
    expect(await campaign.update({ description: null })).toMatchObject({
      version: 3,
      changed: true,
      campaignId: 'spring',
    });
    await vi.waitFor(
      () => expect(campaign.getSnapshot()).toMatchObject({ version: 3, durableVersion: 3, sync: { state: 'saved' } }),
      WAIT,
    );
    expect(campaign.getSnapshot().state).toEqual({ ...STATE, title: 'Theirs' });
    expect(campaign.getSnapshot().recentEntries.map(({ version, change }) => ({ version, change }))).toEqual([
      { version: 2, change: { title: 'Theirs', description: 'x' } },
      { version: 3, change: { description: null } },
    ]);
  });

  test('K70 what changes nothing makes no entry; features are an ordered set; a batch is one entry', async () => {
    const campaign = await live((await open()).mine.campaign('spring'));
    expect(await campaign.updateFeatures(['referral'], 'add')).toMatchObject({ version: 1, changed: false });
    expect(await campaign.updateFeatures(['polls', 'referral'], 'add')).toMatchObject({ version: 2, changed: true });
    const change = campaign.batch((batch) =>
      batch.updateFeatures(['referral'], 'remove').updateConfig('theme', { accent: 'red' }, 'replace'),
    );
    expect(await change).toMatchObject({ version: 3 });
    expect(await change.durable).toMatchObject({ version: 3, durability: 'durable' });
    await vi.waitFor(
      () =>
        expect(campaign.getSnapshot()).toMatchObject({
          version: 3,
          state: { features: ['polls'], theme: { accent: 'red' } },
        }),
      WAIT,
    );
  });

  test('K70 what is made while the link is down arrives in order, and nothing is doubled', async () => {
    const { mine, theirs, drop, reconnect } = await open();
    const campaign = await live(mine.campaign('spring'));
    drop();
    await vi.waitFor(() => expect(mine.connection.getSnapshot().status).toBe('reconnecting'), WAIT);
    const changes = [1, 2, 3].map((counter) => campaign.update({ counter }));
    expect(campaign.getSnapshot()).toMatchObject({
      version: 1,
      state: { counter: 3 },
      sync: { state: 'waiting', pendingCount: 3 },
    });
    await theirs.campaign('spring').update({ title: 'Meanwhile' });
    reconnect();
    expect((await Promise.all(changes)).map(({ version }) => version)).toEqual([3, 4, 5]);
    await vi.waitFor(
      () => expect(campaign.getSnapshot()).toMatchObject({ version: 5, state: { title: 'Meanwhile', counter: 3 } }),
      WAIT,
    );
    const { items } = await theirs.trpc.campaign.history.query({ campaignId: 'spring' });
    expect(items.map(({ mutationId }) => mutationId).slice(0, 3)).toEqual(
      changes.map(({ mutationId }) => mutationId).reverse(),
    );
  });

  test('K70 an expected version that is not there is a conflict', async () => {
    const campaign = await live((await open()).mine.campaign('spring'));
    const first = await campaign.update({ title: 'One' }, { expectedVersion: 1 });
    expect(await refusal(campaign.update({ title: 'Two' }, { expectedVersion: 1 }))).toEqual({
      reason: 'CONFLICT',
      retryable: false,
      path: ['expectedVersion'],
    });
    expect(await campaign.update({ title: 'Two' }, { expectedVersion: first.position })).toMatchObject({ version: 3 });
  });

  test('K70 the same id is applied once, and is refused for another command', async () => {
    const { mine } = await open();
    const input = { campaignId: 'spring', mutationId: 'once', updates: { title: 'Once' } };
    const first = await mine.trpc.campaign.update.mutate(input);
    expect(await mine.trpc.campaign.update.mutate(input)).toMatchObject({
      position: 'position' in first ? first.position : '',
      changed: true,
    });
    await expect(mine.trpc.campaign.update.mutate({ ...input, updates: { title: 'Other' } })).rejects.toMatchObject({
      data: { reason: 'INVALID' },
    });
  });

  test('K70 rollback, history and difference', async () => {
    const { mine } = await open();
    const campaign = await live(mine.campaign('spring'));
    await campaign.update({ title: 'Two' });
    expect(await campaign.rollback(1)).toMatchObject({ version: 3 });
    expect((await mine.trpc.campaign.at.query({ campaignId: 'spring', version: 2 })).state).toMatchObject({
      title: 'Two',
    });
    expect((await mine.trpc.campaign.diff.query({ campaignId: 'spring', from: 2, to: 3 })).change).toEqual({
      title: 'Spring',
    });
    expect(await refusal(campaign.rollback(99))).toMatchObject({ reason: 'NOT_FOUND', path: ['toVersion'] });
    const { epoch } = await mine.trpc.campaign.get.query({ campaignId: 'spring' });
    const at = await mine.trpc.campaign.at.query({ campaignId: 'spring', version: `${epoch}:2` });
    expect(at).toMatchObject({ epoch, version: 2, state: { title: 'Two' } });
    const difference = await mine.trpc.campaign.diff.query({ campaignId: 'spring', from: `${epoch}:2`, to: 3 });
    expect(difference).toMatchObject({ epoch, from: 2, to: 3, change: { title: 'Spring' } });
    const lost = mine.trpc.campaign.at.query({ campaignId: 'spring', version: 'another:2' });
    await expect(lost).rejects.toMatchObject({ data: { reason: 'NOT_FOUND', path: ['version'] } });
    expect(await refusal(campaign.rollback('another:2'))).toMatchObject({ reason: 'NOT_FOUND', path: ['toVersion'] });
    const page = await mine.trpc.campaign.history.query({ campaignId: 'spring', limit: 2 });
    expect(page.epoch).toBe(epoch);
    expect(page.items.map(({ type }) => type)).toEqual(['rollback', 'update']);
    expect(
      (await mine.trpc.campaign.history.query({ campaignId: 'spring', cursor: page.nextCursor ?? 0 })).items.map(
        ({ type }) => type,
      ),
    ).toEqual(['create']);
  });

  test('K70 archived is read-only, and known to be', async () => {
    const { mine } = await open();
    const campaign = await live(mine.campaign('spring'));
    await mine.trpc.campaign.archive.mutate({ campaignId: 'spring' });
    await vi.waitFor(() => expect(campaign.getSnapshot().archivedAt).toBeTypeOf('number'), WAIT);
    expect(await refusal(campaign.update({ title: 'No' }))).toMatchObject({ reason: 'INVALID' });
    await mine.trpc.campaign.restore.mutate({ campaignId: 'spring' });
    await vi.waitFor(() => expect(campaign.getSnapshot().archivedAt).toBeUndefined(), WAIT);
    expect(await campaign.update({ title: 'Yes' })).toMatchObject({ changed: true });
  });

  test('K70 campaign.list and campaign.watchList show the campaign by their filter, live', async () => {
    const { mine } = await open();
    const list = () => mine.trpc.campaign.list.query({ limit: 10 });
    expect(await list()).toMatchObject({ items: [{ campaignId: 'spring', title: 'Spring', version: 1 }] });
    expect((await mine.trpc.campaign.list.query({ status: 'active' })).items).toEqual([]);
    expect((await mine.trpc.campaign.list.query({ cursor: 'spring' })).items).toEqual([]);
    const events: ListEvent[] = [];
    const watched = mine.trpc.campaign.watchList.subscribe(
      { status: 'active' },
      { onData: (event) => events.push(event) },
    );
    closing.push(() => watched.unsubscribe());
    await vi.waitFor(() => expect(events).toEqual([{ type: 'page', campaigns: [] }]), WAIT);
    await mine.campaign('spring').update({ status: 'active', title: 'Open' }).durable;
    await vi.waitFor(
      () =>
        expect(events.at(-1)).toMatchObject({
          type: 'changes',
          changed: [{ campaignId: 'spring', title: 'Open', status: 'active', version: 2 }],
          removed: [],
        }),
      WAIT,
    );
    await mine.campaign('spring').update({ status: 'ended' }).durable;
    await vi.waitFor(
      () => expect(events.at(-1)).toMatchObject({ type: 'changes', changed: [], removed: ['spring'] }),
      WAIT,
    );
    expect((await list()).items[0]).toMatchObject({ status: 'ended', version: 3 });
  });

  test('K70 whenDurable knows positions of the current timeline, and refuses others', async () => {
    const campaign = await live((await open()).mine.campaign('spring'));
    const { position } = await campaign.update({ title: 'Two' });
    await campaign.whenDurable(position);
    expect(await refusal(campaign.whenDurable('elsewhere:1'))).toMatchObject({ reason: 'NOT_FOUND' });
  });

  test('K70 the raw stream: tracked, a snapshot and entries, and the watermark only where it is asked for', async () => {
    const { mine, theirs } = await open();
    const seen: { [receipts: string]: string[] } = { true: [], false: [] };
    for (const receipts of [true, false]) {
      const subscription = mine.trpc.campaign.watch.subscribe(
        { receipts },
        { onData: ({ id, data }) => seen[String(receipts)]?.push(`${id.split(':')[1]} ${data.type}`) },
      );
      closing.push(() => subscription.unsubscribe());
    }
    await vi.waitFor(() => expect(seen['false']).toEqual(['1 snapshot']), WAIT);
    await vi.waitFor(() => expect(seen['true']?.[0]).toBe('1 snapshot'), WAIT);
    await theirs.campaign('spring').update({ title: 'Two' }).durable;
    await vi.waitFor(() => expect(seen['true']?.at(-1)).toBe('2 durable'), WAIT);
    expect(seen['true']).toContain('2 entries');
    expect(seen['false']).toEqual(['1 snapshot', '2 entries']);
  });

  test('K70 an unknown campaign is not found', async () => {
    const nowhere = (await open()).mine.campaign('nowhere');
    closing.push(nowhere.subscribe(() => undefined));
    await vi.waitFor(
      () => expect(nowhere.getSnapshot()).toMatchObject({ status: 'error', error: { reason: 'NOT_FOUND' } }),
      WAIT,
    );
  });
});
