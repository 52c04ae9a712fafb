import { afterEach, describe, expect, test, vi } from 'vitest';
import { readFile } from 'node:fs/promises';
import { syncNightly } from '../../../client-sdk/examples/job.ts';
import { rewriteBanner } from '../../../client-sdk/examples/lock.ts';
import { createCampaignClient, type Campaign, type CampaignClient } from '../../../client-sdk/src/index.ts';
import { lockHandle, watchLocks } from '../../../client-sdk/src/locks/index.ts';
import { createTestCampaign } from '../../../client-sdk/src/testing/index.ts';
import { openTcpProxy } from '../../support/tcp-proxy.ts';
import { startServer } from '../support/server.ts';
import { manualClock } from '../support/manual-clock.ts';
import { WAIT } from '../support/world.ts';

/** A campaign `spring` somewhere, with two clients; the first one's link can be cut. */
interface Place {
  readonly mine: CampaignClient;
  readonly theirs: CampaignClient;
  readonly drop: () => void;
  readonly reconnect: () => void;
}

const STATE = { slug: 'spring', title: 'Spring', features: ['referral'] };
const TITLE = ['title'];

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
  const server = await startServer({ campaigns: [{ campaignId: 'spring', state: structuredClone(STATE) as never }] });
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
    ({ reason, path, holder, note }: Record<string, unknown>) => ({ reason, path, holder, note }),
  );

describe.each([
  ['of the test kit', inMemory],
  ['of a server', onServer],
])('locks of the SDK, on a campaign %s', (_where, open) => {
  test('J50 edits are made under a lock by themselves, and those of others are refused and taken back with the reason', async () => {
    const { mine, theirs } = await open();
    const [here, there] = [await live(mine.campaign('spring')), await live(theirs.campaign('spring'))];
    const lock = await here.lock(TITLE, { note: 'the launch' });
    expect(lock).toMatchObject({ path: TITLE, fence: expect.any(Number) });
    const change = there.update({ title: 'Theirs' });
    expect(there.getSnapshot().state.title).toBe('Theirs');
    const refused = await refusal(change);
    expect(refused).toMatchObject({ reason: 'LOCKED', path: TITLE, note: 'the launch', holder: expect.any(String) });
    expect(there.getSnapshot().state.title).toBe('Spring');
    expect(there.getSnapshot().sync.rejected).toMatchObject([{ error: { reason: 'LOCKED' } }]);
    await there.updateFeatures(['dark-mode'], 'add');
    await here.update({ title: 'Mine' });
    expect(await refusal(there.rollback(1))).toMatchObject({ reason: 'LOCKED' });
    await here.rollback(1);
    await lock.release();
    await there.update({ title: 'Theirs after all' });
  });

  test('J51 what is locked is LOCKED to others at once, is waited for with `wait`, and nobody waits for what was given up', async () => {
    const { mine, theirs } = await open();
    const [here, there] = [mine.campaign('spring'), theirs.campaign('spring')];
    const lock = await here.lock(TITLE);
    expect(await refusal(there.lock([]))).toMatchObject({ reason: 'LOCKED', path: TITLE });
    const given = new AbortController();
    const up = refusal(there.lock(TITLE, { wait: true, signal: given.signal }));
    const waits = there.lock(TITLE, { wait: true });
    given.abort(new Error('not any more'));
    await up;
    await lock.release();
    const next = await waits;
    expect(next.fence).toBeGreaterThan(lock.fence);
    await next.release();
    await (await here.lock([])).release();
  });

  test('J52 a lock that is taken over is lost, and edits that were made under it are taken back', async () => {
    const { mine, theirs, drop, reconnect } = await open();
    const here = await live(mine.campaign('spring'));
    const lock = await here.lock(TITLE, { ttl: 1_000 });
    drop();
    const change = here.update({ title: 'Made under the lock' });
    const theirLock = await theirs.campaign('spring').lock(TITLE, { steal: true });
    await theirs.campaign('spring').update({ title: 'Taken over' });
    await theirLock.release();
    reconnect();
    expect(await refusal(change)).toMatchObject({ reason: 'LOCK_LOST' });
    expect(await lock.lost).toMatchObject({ reason: 'LOCK_LOST' });
    await vi.waitFor(() => expect(here.getSnapshot().state.title).toBe('Taken over'), WAIT);
    await here.update({ title: 'Made anew' });
  });

  test('J116 client.lock locks a job, which is renewed, waited for, taken over and released', async () => {
    const { mine, theirs } = await open();
    const lock = await mine.lock('nightly-sync', { ttl: 3_000, note: 'of tonight' });
    expect(lock).toMatchObject({ name: 'nightly-sync', fence: expect.any(Number), lockId: expect.any(String) });
    expect(await refusal(theirs.lock('nightly-sync'))).toMatchObject({
      reason: 'LOCKED',
      path: ['nightly-sync'],
      note: 'of tonight',
    });
    await (await theirs.lock('another')).release();
    // Longer than its time: it is renewed.
    let isGranted = false;
    const waits = theirs.lock('nightly-sync', { wait: true, ttl: 1_000 }).then((granted) => {
      isGranted = true;
      return granted;
    });
    await new Promise((resolve) => setTimeout(resolve, 4_500));
    expect(isGranted).toBe(false);
    await lock.release();
    const next = await waits;
    expect(next.fence).toBeGreaterThan(lock.fence);
    const stolen = await mine.lock('nightly-sync', { steal: true });
    expect(await next.lost).toMatchObject({ reason: 'LOCK_LOST' });
    await stolen.release();
    // A job is no part of a campaign.
    const held = await mine.lock('spring');
    await theirs.campaign('spring').update({ title: 'Free' });
    await held.release();
  });

  test('J53 a handle says who has the lock, and takes, releases and takes it over', async () => {
    const { mine, theirs } = await open();
    const [here, there] = [lockHandle(mine, 'spring', TITLE), lockHandle(theirs, 'spring', [], { note: 'all of it' })];
    const seen: string[] = [];
    closing.push(
      here.subscribe(() => seen.push(here.getSnapshot().state)),
      there.subscribe(() => undefined),
    );
    const is = (handle: typeof here, state: string) =>
      vi.waitFor(() => expect(handle.getSnapshot().state).toBe(state), WAIT);
    await there.acquire();
    await is(there, 'mine');
    await is(here, 'theirs');
    expect(here.getSnapshot()).toMatchObject({ note: 'all of it', holder: expect.any(String) });
    await here.acquire();
    expect(here.getSnapshot()).toMatchObject({ state: 'theirs', error: { reason: 'LOCKED' } });
    const waiting = here.acquire({ wait: true });
    expect(here.getSnapshot()).toMatchObject({ state: 'waiting', error: undefined });
    await there.release();
    await waiting;
    await is(here, 'mine');
    await is(there, 'theirs');
    await there.steal();
    await is(there, 'mine');
    await here.release();
    await there.release();
    await is(here, 'free');
    expect(seen).toContain('waiting');
  });

  test('J54 the list of locks is live, and one stream for all who read it', async () => {
    const { mine, theirs } = await open();
    const list = watchLocks(mine, 'spring');
    expect(watchLocks(mine, 'spring')).toBe(list);
    closing.push(list.subscribe(() => undefined));
    await vi.waitFor(() => expect(list.getSnapshot().locks).toEqual([]), WAIT);
    const lock = await theirs.campaign('spring').lock(['ui_content', 'banner']);
    await vi.waitFor(() => expect(list.getSnapshot().locks).toMatchObject([{ path: ['ui_content', 'banner'] }]), WAIT);
    await lock.release();
    await vi.waitFor(() => expect(list.getSnapshot().locks).toEqual([]), WAIT);
  });
});

test('J55 a lock is renewed while it is held, and is lost when it cannot be renewed in time', async () => {
  const clock = manualClock();
  const kit = createTestCampaign({ clock });
  closing.push(kit.client.close);
  const campaign = kit.client.campaign('test');
  const lock = await campaign.lock(TITLE, { ttl: 3_000 });
  const lost = vi.fn();
  void lock.lost.then(lost);
  const settled = () => new Promise<void>((resolve) => setTimeout(resolve));
  for (let second = 0; second < 10; second += 1) {
    clock.advance(1_000);
    await settled();
  }
  expect(lost).not.toHaveBeenCalled();
  kit.drop();
  clock.advance(3_000);
  await settled();
  expect(lost).toHaveBeenCalledWith(expect.objectContaining({ reason: 'LOCK_LOST' }));
  kit.reconnect();
  const another = await campaign.lock(TITLE);
  await another.release();
});

test('J56 in the test kit another user locks by `lock`', async () => {
  const kit = createTestCampaign();
  closing.push(kit.client.close);
  const release = kit.lock(TITLE, { note: 'busy' });
  expect(await refusal(kit.client.campaign('test').update({ title: 'Mine' }))).toMatchObject({
    reason: 'LOCKED',
    holder: 'other-user',
    note: 'busy',
  });
  release();
  await kit.client.campaign('test').update({ title: 'Mine' });
});

test('J58 the examples of docs/locks.md write under a lock, say where somebody took it over, and lock a job', async () => {
  const page = await readFile('docs/locks.md', 'utf8');
  for (const example of ['lock', 'job'])
    expect(page).toContain(await readFile(`client-sdk/examples/${example}.ts`, 'utf8'));
  const state = { slug: 'summer', title: 'Summer', ui_content: { banner: 'Hello' } };
  const kit = createTestCampaign({ campaignId: 'summer', state });
  closing.push(kit.client.close);
  await live(kit.client.campaign('summer'));
  expect(await rewriteBanner(kit.client, async (banner) => `${banner} again`)).toBe('written');
  expect(kit.state().ui_content?.banner).toBe('Hello again');
  const takenOver = async () => {
    kit.lock(['ui_content']);
    return 'too late';
  };
  expect(await rewriteBanner(kit.client, takenOver)).toBe('somebody took it over');
  expect(kit.state().ui_content?.banner).toBe('Hello again');
  const fences: number[] = [];
  const sync = async (fence: number) => void fences.push(fence);
  await syncNightly(kit.client, sync);
  await syncNightly(kit.client, sync);
  expect(fences).toEqual([expect.any(Number), expect.any(Number)]);
});
