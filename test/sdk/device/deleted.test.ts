import { expect, test, vi } from 'vitest';
import type { CampaignError, KeyValueStorage } from '../../../client-sdk/src/index.ts';
import { client, later, live, proxyOf, server, WAIT } from '../support/world.ts';

/** A device's storage, all of which can be looked at. */
function storage(): KeyValueStorage & { readonly kept: Map<string, string> } {
  const kept = new Map<string, string>();
  return {
    kept,
    getAllKeys: async () => [...kept.keys()],
    getItem: async (key) => kept.get(key) ?? null,
    setItem: async (key, value) => void kept.set(key, value),
    removeItem: async (key) => void kept.delete(key),
  };
}

const said = (device: ReturnType<typeof storage>): string => [...device.kept].flat().join(' ');

async function errorOf(change: Promise<unknown>): Promise<CampaignError> {
  return await change.then(
    () => {
      throw new Error('it was not refused');
    },
    (error: unknown) => error as CampaignError,
  );
}

test('K340 a campaign that is deleted is forgotten by every client: what it showed, what can be undone, and what is kept on the device', async () => {
  const { url } = await server();
  const device = storage();
  const made = client(url, { persist: 'ada', storage: device });
  const campaign = made.campaign('autumn');
  await live(campaign);
  await campaign.update({ title: 'A secret title' });
  await vi.waitFor(() => expect(said(device)).toContain('A secret title'), WAIT);
  expect(campaign.getSnapshot().canUndo).toBe(true);

  await client(url).trpc.campaign.delete.mutate({ campaignId: 'autumn', now: true });
  await vi.waitFor(() => expect(campaign.getSnapshot()).toMatchObject({ status: 'error', state: {} }), WAIT);
  const { error, canUndo, version, recentEntries } = campaign.getSnapshot();
  expect(error).toMatchObject({ reason: 'NOT_FOUND', deletedAt: expect.any(Number) });
  expect({ canUndo, version, recentEntries }).toEqual({ canUndo: false, version: 0, recentEntries: [] });
  await vi.waitFor(() => expect(said(device)).not.toContain('autumn'), WAIT);
  // What is edited now is refused, once.
  const refused = await errorOf(campaign.update({ title: 'Too late' }));
  expect(refused).toMatchObject({ reason: 'NOT_FOUND', deletedAt: error?.deletedAt });
  expect(campaign.getSnapshot().sync).toMatchObject({ pendingCount: 0 });

  // The handle shows the next campaign of its id, and nothing else.
  await client(url).trpc.campaign.create.mutate({ campaignId: 'autumn', state: { slug: 'autumn', title: 'New' } });
  campaign.retry();
  await vi.waitFor(
    () => expect(campaign.getSnapshot()).toMatchObject({ status: 'success', version: 1, state: { title: 'New' } }),
    WAIT,
  );
});

test('K341 a device that was offline while its campaign was deleted and made anew forgets the old one: its edits are refused, and reach nothing', async () => {
  const started = await server();
  const wire = await proxyOf(started);
  const device = storage();
  const before = client(wire.url, { persist: 'ada', storage: device });
  const campaign = before.campaign('autumn');
  await live(campaign);
  await vi.waitFor(() => expect(said(device)).toContain('Autumn'), WAIT);
  wire.sever();
  const open = errorOf(campaign.update({ title: 'Written in a tunnel' }));
  await vi.waitFor(() => expect(said(device)).toContain('Written in a tunnel'), WAIT);

  const admin = client(started.url);
  await admin.trpc.campaign.delete.mutate({ campaignId: 'autumn', now: true });
  await admin.trpc.campaign.create.mutate({ campaignId: 'autumn', state: { slug: 'autumn', title: 'New' } });
  // One page is still open, and another one opens what the first has left on the device.
  wire.restore();
  expect(await open).toMatchObject({ reason: 'NOT_FOUND', deletedAt: expect.any(Number) });
  await vi.waitFor(() => expect(campaign.getSnapshot().sync.rejected).toHaveLength(1), WAIT);
  await vi.waitFor(() => expect(said(device)).not.toContain('Written in a tunnel'), WAIT);
  campaign.retry();
  await vi.waitFor(() => expect(campaign.getSnapshot()).toMatchObject({ state: { title: 'New' } }), WAIT);
  before.close();

  const mirror = admin.campaign('autumn');
  await live(mirror);
  expect(mirror.getSnapshot()).toMatchObject({ version: 1, state: { title: 'New' } });
});

test('K341 the next page of that device is told so too, before it has seen anything', async () => {
  const started = await server();
  const wire = await proxyOf(started);
  const device = storage();
  const before = client(wire.url, { persist: 'ada', storage: device });
  const campaign = before.campaign('autumn');
  await live(campaign);
  await vi.waitFor(() => expect(said(device)).toContain('Autumn'), WAIT);
  wire.sever();
  errorOf(campaign.update({ title: 'Written in a tunnel' })).catch(() => undefined);
  await vi.waitFor(() => expect(said(device)).toContain('Written in a tunnel'), WAIT);
  before.close();
  const admin = client(started.url);
  await admin.trpc.campaign.delete.mutate({ campaignId: 'autumn', now: true });
  await admin.trpc.campaign.create.mutate({ campaignId: 'autumn', state: { slug: 'autumn', title: 'New' } });

  wire.restore();
  const after = client(wire.url, { persist: 'ada', storage: device });
  const again = after.campaign('autumn');
  later(again.subscribe(() => undefined));
  await vi.waitFor(() => expect(again.getSnapshot().sync.rejected).toHaveLength(1), WAIT);
  await vi.waitFor(() => expect(said(device)).not.toContain('Written in a tunnel'), WAIT);
  again.retry();
  await vi.waitFor(() => expect(again.getSnapshot()).toMatchObject({ version: 1, state: { title: 'New' } }), WAIT);
});
