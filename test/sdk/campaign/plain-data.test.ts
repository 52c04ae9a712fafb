import { expect, test, vi } from 'vitest';
import type { Campaign, CampaignDocument, CampaignUpdates } from '../../../client-sdk/src/index.ts';
import { createTestCampaign } from '../../../client-sdk/src/testing/index.ts';
import { client, later, live, server, WAIT } from '../support/world.ts';

async function open(): Promise<{ readonly campaign: Campaign; readonly state: () => Partial<CampaignDocument> }> {
  const kit = createTestCampaign({
    state: {
      slug: 's',
      title: 'A',
      features: ['b', 'a'],
      ui_content: { banner: 'x', deep: { n: 1 } },
      tags: ['z', 'y'],
    },
  });
  later(kit.client.close);
  const campaign = kit.client.campaign();
  await live(campaign);
  return { campaign, state: kit.state };
}

/** A proxy all the way down, as those of Vue, MobX and Immer are. */
function reactive<T extends object>(target: T): T {
  return new Proxy(target, {
    get(object, key, receiver) {
      const value: unknown = Reflect.get(object, key, receiver);
      return typeof value === 'object' && value !== null ? reactive(value) : value;
    },
  });
}

test('K230 a snapshot cannot be written to, and nothing that is tried changes what is shown later', async () => {
  const { campaign, state } = await open();
  const snapshot = campaign.getSnapshot();
  const attempts: (() => unknown)[] = [
    // @ts-expect-error a snapshot's list is not sorted in place
    () => snapshot.state.features?.sort(),
    () => {
      // @ts-expect-error nor is a section written to
      if (snapshot.state.ui_content) snapshot.state.ui_content.banner = 'MINE';
    },
    // @ts-expect-error nor a list added to
    () => snapshot.state.tags?.push('evil'),
    // @ts-expect-error nor a field written to
    () => (snapshot.state.title = 'EVIL'),
    () => Object.assign(snapshot.state.ui_content?.['deep'] as object, { n: 2 }),
  ];
  for (const attempt of attempts) expect(attempt).toThrow(TypeError);
  await campaign.updateConfig('ui_content', { cta: 'go' });
  await vi.waitFor(() => expect(campaign.getSnapshot().recentEntries).toHaveLength(1), WAIT);
  const { recentEntries } = campaign.getSnapshot();
  expect(() => Object.assign(recentEntries[0]?.change as object, { ui_content: null })).toThrow(TypeError);
  expect(() => (recentEntries as unknown[]).pop()).toThrow(TypeError);
  expect(campaign.getSnapshot().state).toEqual(state());
  expect(state()).toMatchObject({ features: ['b', 'a'], ui_content: { banner: 'x', deep: { n: 1 }, cta: 'go' } });
});

test('K230 a seed that was passed in is not frozen, and not changed by what happens later', async () => {
  const { url } = await server();
  const seed = {
    campaignId: 'spring',
    isDefault: false,
    epoch: 'e',
    version: 1,
    durableVersion: 1,
    state: { slug: 'spring', title: 'Seed', tags: ['a'] },
  };
  const campaign = client(url, { seeds: [seed] }).campaign('spring');
  expect(campaign.getSnapshot().state.tags).toEqual(['a']);
  seed.state.tags.push('b');
  expect(campaign.getSnapshot().state.tags).toEqual(['a']);
});

test('K231 members stand in the order in which the server has them, after a removal and a rollback too', async () => {
  const { url } = await server();
  const made = client(url);
  const campaign = made.campaign('spring');
  await live(campaign);
  await campaign.update({ theme: { a: '1', b: '2' } });
  await campaign.update({ theme: { a: null } });
  await campaign.rollback(2);
  // Both at once: what was shown before is not what is shown now, though it is equal.
  const late = client(url).campaign('spring');
  await live(late);
  await vi.waitFor(() => expect(campaign.getSnapshot().version).toBe(4), WAIT);
  const { state } = await made.trpc.campaign.get.query({ campaignId: 'spring' });
  for (const one of [campaign, late]) expect(JSON.stringify(one.getSnapshot().state)).toBe(JSON.stringify(state));
});

test('K232 proxies, frozen objects, undefined members and interfaces are plain data', async () => {
  const { campaign, state } = await open();
  interface Banner {
    banner: string;
  }
  const typed: Banner = { banner: 'interface' };
  await campaign.update({ ui_content: typed, about: { typed } });
  await campaign.update(reactive({ title: 'proxy', tags: ['p'], ui_content: { deep: { n: 2 } } }));
  await campaign.updateConfig('theme', reactive({ a: 'b' }));
  await campaign.updateFeatures(reactive(['c']), 'set');
  await campaign.batch((batch) => void batch.update(reactive({ description: 'batch' })));
  const paced = campaign.pacedUpdate({ ui_content: reactive({ cta: 'paced' }) }, { wait: 1 });
  void campaign.pacedUpdate(Object.freeze({ start_date: undefined, end_date: 'e' }) as CampaignUpdates, { wait: 1 });
  campaign.flush();
  await paced;
  await vi.waitFor(() => expect(state()).toMatchObject({ end_date: 'e' }), WAIT);
  // What is shown can be sent again as it is.
  await campaign.update({ tags: campaign.getSnapshot().state.tags ?? [] });
  expect(state()).toMatchObject({
    title: 'proxy',
    tags: ['p'],
    features: ['c'],
    theme: { a: 'b' },
    description: 'batch',
    ui_content: { banner: 'interface', deep: { n: 2 }, cta: 'paced' },
  });
});

test('K233 what is no plain data is refused where it was written, by its path, and never thrown', async () => {
  const { campaign } = await open();
  const cyclic: Record<string, unknown> = {};
  cyclic['o'] = cyclic;
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const update = (updates: unknown) => campaign.update(updates as CampaignUpdates);
  const unsafe = campaign as unknown as Record<string, (...given: unknown[]) => Promise<unknown>>;
  const refused: [() => Promise<unknown> | undefined, unknown][] = [
    [() => update({ a: { b: new Date() } }), ['a', 'b']],
    [() => update({ a: [1, 10n] }), ['a', 1]],
    [() => update({ a: new Map() }), ['a']],
    [() => update(null), []],
    [() => update(undefined), []],
    [
      () =>
        update({
          get a() {
            throw new Error('a getter');
          },
        }),
      [],
    ],
    [() => update(proxy), []],
    [() => unsafe['updateFeatures']?.('polls', 'add'), ['features']],
    [() => unsafe['updateFeatures']?.(undefined, 'add'), ['features']],
    [() => unsafe['updateFeatures']?.(['a', 1n], 'add'), ['features', 1]],
    [() => unsafe['updateFeatures']?.(['a'], 'toggle'), ['action']],
    [() => unsafe['updateConfig']?.('theme', { a: () => 1 }), ['theme', 'a']],
    [() => unsafe['updateConfig']?.('theme', {}, 'swap'), ['mode']],
    [() => unsafe['batch']?.(undefined), []],
    [() => campaign.update({ title: 'T' }, { expectedVersion: 3n as unknown as number }), ['expectedVersion']],
    [() => campaign.rollback(3n as unknown as number), ['toVersion']],
    [() => campaign.rollback(1, { expectedVersion: {} as string }), ['expectedVersion']],
    [() => campaign.whenDurable(3 as unknown as string), ['position']],
  ];
  for (const [edit, path] of refused) await expect(edit()).rejects.toMatchObject({ reason: 'INVALID', path });
  await expect(update(cyclic)).rejects.toMatchObject({ reason: 'TOO_LARGE' });
  const comment = 'c'.repeat(1_100_000);
  await expect(campaign.update({ title: 'T' }, { comment })).rejects.toMatchObject({ reason: 'TOO_LARGE', limit: 500 });
  await expect(campaign.rollback(1, { comment })).rejects.toMatchObject({ reason: 'TOO_LARGE' });
  expect(campaign.getSnapshot()).toMatchObject({ version: 1, sync: { pendingCount: 0 } });
  expect(await campaign.update({ title: 'after' })).toMatchObject({ version: 2 });
});

test('K234 an async batch is refused: what it adds later would not be in the entry', async () => {
  const { campaign } = await open();
  const late = campaign.batch(async (batch) => {
    await Promise.resolve();
    batch.update({ title: 'late' });
    throw new Error('nobody looks');
  });
  await expect(late).rejects.toMatchObject({ reason: 'INVALID' });
  expect(() =>
    campaign.batch(() => {
      throw new Error('of the app');
    }),
  ).toThrow('of the app');
  expect(campaign.getSnapshot().state.title).toBe('A');
});

test('K235 null removes what is optional, and does not compile for what is required', async () => {
  const { campaign, state } = await open();
  // @ts-expect-error every campaign has a title
  const refused: CampaignUpdates = { title: null };
  // @ts-expect-error and a number is none
  const wrong: CampaignUpdates = { title: 1 };
  void [refused, wrong];
  await campaign.update({ tags: null, ui_content: { banner: null } });
  expect(state()).toEqual({ slug: 's', title: 'A', features: ['b', 'a'], ui_content: { deep: { n: 1 } } });
});

test('K236 a section that only the app knows is merged and replaced by updateConfig too', async () => {
  const { campaign, state } = await open();
  const config = campaign.updateConfig as (
    section: string,
    value: object,
    mode?: 'merge' | 'replace',
  ) => Promise<unknown>;
  await config('commerce', { currency: 'EUR', enabled: true });
  await config('commerce', { currency: 'USD' });
  expect(state()['commerce']).toEqual({ currency: 'USD', enabled: true });
  await config('commerce', { currency: 'CHF' }, 'replace');
  expect(state()['commerce']).toEqual({ currency: 'CHF' });
});
