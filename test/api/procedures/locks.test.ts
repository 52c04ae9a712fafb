import { describe, expect, test } from 'vitest';
import { LOCK_LIMITS } from '../../../server/core/locks/lock-table.ts';
import { httpClient, refusal, wsClient } from '../support/clients.ts';
import { openTcpProxy } from '../../support/tcp-proxy.ts';
import { CAMPAIGN, cleanUp, startGuarded, tokenFor, until } from '../support/server.ts';

const campaignId = CAMPAIGN;
const TTL = { campaignId, ttlMs: 30_000 };

async function editor(url: string, sub: string, role: 'editor' | 'admin' = 'editor') {
  return wsClient(url, { token: await tokenFor({ '*': role }, { sub }) });
}

describe('the procedures of locks', () => {
  test('J60 over ws and http: locks are acquired, listed, renewed and released, and commands carry them', async () => {
    const { url } = await startGuarded();
    const ada = await editor(url, 'ada');
    const bob = httpClient(url, await tokenFor({ '*': 'editor' }, { sub: 'bob' }));
    const lock = await ada.lock.acquire.mutate({ ...TTL, path: ['title'], note: 'the launch' });
    expect(lock).toMatchObject({ campaignId, path: ['title'], holder: 'ada', note: 'the launch', ttlMs: 30_000 });
    expect(lock.expiresAt - lock.now).toBeGreaterThan(25_000);
    expect(await refusal(bob.lock.acquire.mutate({ ...TTL, path: ['title', 'x'] }))).toMatchObject({
      reason: 'LOCKED',
      retryable: true,
      path: ['title'],
      holder: 'ada',
      note: 'the launch',
      expiresAt: lock.expiresAt,
    });
    const updates = { title: 'Mine' };
    expect(await refusal(bob.campaign.update.mutate({ campaignId, updates }))).toMatchObject({ reason: 'LOCKED' });
    const token = { lockId: lock.lockId, fence: lock.fence };
    // A token is of no use to anybody else.
    expect(await refusal(bob.campaign.update.mutate({ campaignId, updates, lock: token }))).toMatchObject({
      reason: 'LOCK_LOST',
      retryable: false,
    });
    const batch = { campaignId, commands: [{ type: 'update' as const, updates }] };
    expect(await refusal(bob.campaign.batch.mutate(batch))).toMatchObject({ reason: 'LOCKED' });
    await ada.campaign.batch.mutate({ ...batch, lock: [token] });
    // Each is told what it may take over: its own, and by its role that of others.
    const admin = await editor(url, 'root', 'admin');
    for (const [of, mayTakeOver] of [
      [bob, false],
      [ada, true],
      [admin, true],
    ] as const)
      expect(await of.lock.list.query({ campaignId })).toMatchObject({
        locks: [{ holder: 'ada', path: ['title'], mayTakeOver }],
      });
    const renewed = await ada.lock.renew.mutate({ campaignId, ...token, ttlMs: 60_000 });
    expect([renewed.fence, renewed.ttlMs]).toEqual([lock.fence, 60_000]);
    await ada.lock.release.mutate({ campaignId, lockId: lock.lockId });
    await bob.campaign.update.mutate({ campaignId, updates: { title: 'Theirs' } });
    const first = await ada.lock.acquire.mutate(TTL);
    const stolen = await admin.lock.steal.mutate(TTL);
    expect(stolen.fence).toBeGreaterThan(first.fence);
  });

  test('J61 who waits keeps no other call of its connection waiting, and leaves the queue with its connection', async () => {
    const { url, port } = await startGuarded();
    const proxy = await openTcpProxy(port);
    cleanUp(() => proxy.close());
    const [ada, bob, eve] = [await editor(url, 'ada'), await editor(proxy.url, 'bob'), await editor(url, 'eve')];
    const lock = await ada.lock.acquire.mutate({ ...TTL, path: ['title'] });
    void bob.lock.acquire.mutate({ ...TTL, path: ['title'], wait: true }).catch(() => undefined);
    await bob.campaign.updateFeatures.mutate({ campaignId, features: ['x'], action: 'add' });
    const waits = eve.lock.acquire.mutate({ ...TTL, path: ['title'], wait: true });
    proxy.sever();
    await ada.lock.release.mutate({ campaignId, lockId: lock.lockId });
    expect((await waits).holder).toBe('eve');
  });

  test('J62 bad input names its field', async () => {
    const { url } = await startGuarded();
    const { lock, campaign } = await editor(url, 'ada');
    const long = 'x'.repeat(LOCK_LIMITS.keyLength + 1);
    for (const [given, path] of [
      [{ ttlMs: LOCK_LIMITS.ttlMs.shortest - 1 }, ['ttlMs']],
      [{ ttlMs: LOCK_LIMITS.ttlMs.longest + 1 }, ['ttlMs']],
      [{ path: [long] }, ['path', 0]],
      [{ path: Array.from({ length: LOCK_LIMITS.pathKeys + 1 }, () => 'x') }, ['path']],
      [{ note: 'x'.repeat(LOCK_LIMITS.noteLength + 1) }, ['note']],
      [{ lockId: 'not an id' }, ['lockId']],
    ] as const) {
      const input = { ...TTL, ...given, path: 'path' in given ? [...given.path] : [] };
      expect(await refusal(lock.acquire.mutate(input))).toMatchObject({ reason: /INVALID|TOO_LARGE/, path });
    }
    const bad = { campaignId, updates: { title: 'x' }, lock: { lockId: 'a' } };
    expect(await refusal(campaign.update.mutate(bad as never))).toMatchObject({ reason: 'INVALID', path: ['lock'] });
    expect(await refusal(lock.acquire.mutate({ ...TTL, campaignId: 'none' }))).toMatchObject({ reason: 'NOT_FOUND' });
  });

  test('J63 a connection has its own hundred locks, a caller over http one hundred in all', async () => {
    const { url } = await startGuarded();
    const token = await tokenFor({ '*': 'editor' });
    const web = httpClient(url, token);
    for (let index = 0; index < LOCK_LIMITS.perOwner; index += 1)
      await web.lock.acquire.mutate({ ...TTL, path: [`x${index}`] });
    const another = httpClient(url, token);
    expect(await refusal(another.lock.acquire.mutate({ ...TTL, path: ['y'] }))).toMatchObject({
      reason: 'RATE_LIMITED',
      limit: LOCK_LIMITS.perOwner,
    });
    await (await editor(url, 'ada')).lock.acquire.mutate({ ...TTL, path: ['y'] });
  });

  test('J115 a job is locked by its name over ws and http, by who may edit every campaign; bad input names its field', async () => {
    const { url } = await startGuarded();
    const ada = await editor(url, 'ada');
    const bob = httpClient(url, await tokenFor({ '*': 'editor' }, { sub: 'bob' }));
    const name = 'import/prices';
    const lock = await ada.lock.acquire.mutate({ name, ttlMs: 30_000 });
    expect(lock).toMatchObject({ path: [name], holder: 'ada', ttlMs: 30_000 });
    expect(lock).not.toHaveProperty('campaignId');
    expect(await refusal(bob.lock.acquire.mutate({ name, ttlMs: 30_000 }))).toMatchObject({
      reason: 'LOCKED',
      path: [name],
      holder: 'ada',
      message: `lock: ada has locked ${name}; wait until it is released, or take it over`,
    });
    expect(await bob.lock.list.query({ jobs: true })).toMatchObject({ locks: [{ holder: 'ada', path: [name] }] });
    const token = { lockId: lock.lockId, fence: lock.fence };
    expect((await ada.lock.renew.mutate({ name, ...token, ttlMs: 60_000 })).ttlMs).toBe(60_000);
    const waits = bob.lock.acquire.mutate({ name, ttlMs: 30_000, wait: true });
    await until(async () => (await ada.lock.release.mutate({ name, lockId: lock.lockId })).lockId === lock.lockId);
    expect((await waits).holder).toBe('bob');
    const ofOne = wsClient(url, { token: await tokenFor({ [campaignId]: 'admin' }) });
    expect(await refusal(ofOne.lock.acquire.mutate({ name, ttlMs: 30_000 }))).toMatchObject({ reason: 'FORBIDDEN' });
    const root = await editor(url, 'root', 'admin');
    expect((await root.lock.steal.mutate({ name, ttlMs: 30_000 })).holder).toBe('root');
    for (const [given, path] of [
      [{ name: 'not a name' }, ['name']],
      [{ name: '' }, ['name']],
      [{ name: `x${'y'.repeat(128)}` }, ['name']],
      [{ name, campaignId }, ['campaignId']],
      [{ name, path: ['title'] }, ['path']],
      [{ name, ttlMs: 1 }, ['ttlMs']],
      [{}, ['campaignId']],
    ] as const) {
      const input = { ttlMs: 30_000, ...given };
      expect(await refusal(ada.lock.acquire.mutate(input as never))).toMatchObject({ reason: 'INVALID', path });
    }
    expect(await refusal(ada.lock.list.query({ jobs: false } as never))).toMatchObject({ path: ['jobs'] });
  });

  test('J64 a server that stops does not wait for those who wait for locks', async () => {
    const server = await startGuarded();
    const [ada, bob] = [await editor(server.url, 'ada'), await editor(server.url, 'bob')];
    await ada.lock.acquire.mutate(TTL);
    let isOver = false;
    void bob.lock.acquire.mutate({ ...TTL, wait: true }).catch(() => (isOver = true));
    await bob.lock.list.query({ campaignId });
    const startedAt = performance.now();
    await server.close();
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    await until(() => isOver);
  });
});
