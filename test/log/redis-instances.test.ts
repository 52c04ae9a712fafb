import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createMemoryArchive, createMemoryStore, type MemoryStore } from '../../server/archive/memory-archive.ts';
import { createManager, type Manager } from '../../server/engine/manager.ts';
import type { Archive } from '../../server/engine/ports.ts';
import { systemClock } from '../../server/engine/system-clock.ts';
import { JOBS } from '../../server/core/locks/lock-table.ts';
import { campaignKeys, jobLockKeys } from '../../server/log/redis/keys.ts';
import { createRedisLog, type RedisLog } from '../../server/log/redis-log.ts';
import { asReceipt, CALLERS, CAMPAIGN, FIRST_STATE, refusal, setTitle } from '../support/engine-world.ts';
import { openTcpProxy } from '../support/tcp-proxy.ts';
import { watch } from '../support/watching.ts';
import { startRedis, type TemporaryRedis } from '../tools/redis.ts';
import { WAIT } from '../support/wait.ts';

interface Instance {
  manager: Manager;
  log: RedisLog;
  /** Ends it as `kill -9` does: nothing is flushed, and no other instance is notified. */
  kill(): Promise<void>;
}

let redis: TemporaryRedis;
let admin: Redis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

describe('instances over one Redis', () => {
  let namespace: string;
  let store: MemoryStore;
  let instances: Instance[];
  let archiveDown: boolean;
  let beforeCommit: () => Promise<void>;
  let count = 0;

  beforeEach(() => {
    namespace = `i${(count += 1)}`;
    store = createMemoryStore();
    instances = [];
    archiveDown = false;
    beforeCommit = () => Promise.resolve();
    admin = new Redis(redis.url);
    admin.on('error', () => undefined);
  });
  afterEach(async () => {
    await Promise.all(instances.map(({ kill }) => kill()));
    admin.disconnect();
  });

  /** Commits nothing while `archiveDown`; everything else is the archive's own. */
  const openArchive = (): Archive => {
    const archive = createMemoryArchive({ store, soleUser: false });
    const commit: Archive['commit'] = async (parts) => {
      await beforeCommit();
      if (archiveDown) throw new Error('the archive is down');
      return archive.commit(parts);
    };
    return {
      ...archive,
      commit,
      ping: () => (archiveDown ? Promise.reject(new Error('the archive is down')) : archive.ping()),
    };
  };

  const start = async (idleTtl = 600_000, url = redis.url): Promise<Instance> => {
    const log = createRedisLog({ url, namespace, clock: systemClock, checkIntervalMs: 200 });
    await log.ready();
    const archive = openArchive();
    const manager = createManager({ log, archive, clock: systemClock, idleTtl });
    const instance = {
      manager,
      log,
      kill: async () => {
        await log.stop();
        await archive.stop({ clean: false });
      },
    };
    instances.push(instance);
    return instance;
  };

  const create = async ({ manager }: Instance): Promise<void> => {
    await manager.create(CALLERS.admin, CAMPAIGN, FIRST_STATE, {});
  };
  const title = async ({ manager }: Instance, text: string, mutationId?: string) =>
    asReceipt(
      await manager.mutate(CALLERS.admin, CAMPAIGN, setTitle(text), mutationId === undefined ? {} : { mutationId }),
    );
  const titleOf = async ({ manager }: Instance): Promise<string> =>
    (await manager.get(CALLERS.admin, CAMPAIGN)).state.title;
  const saved = (): number => store.campaigns.get(CAMPAIGN)?.head.version ?? 0;

  it('L30 a change made on one instance reaches the others, and their writers take turns', async () => {
    const [a, b] = [await start(), await start()];
    await create(a);
    const onB = watch(b.manager);
    await vi.waitFor(() => expect(onB.mirror.version).toBe(1), WAIT);
    await Promise.all(Array.from({ length: 50 }, (_, index) => title(index % 2 === 0 ? a : b, `t${index}`)));
    await vi.waitFor(() => expect(onB.mirror.version).toBe(51), WAIT);
    expect(onB.mirror.snapshots).toEqual(['start']);
    await vi.waitFor(async () => expect(await titleOf(a)).toBe(await titleOf(b)), WAIT);
    await vi.waitFor(() => expect(saved()).toBe(51), WAIT);
  });

  it('L98 viewers are counted over all instances for those who ask, and Redis is told nothing where nobody does', async () => {
    const [a, b, c] = [await start(), await start(), await start()];
    await create(a);
    const onB = [watch(b.manager), watch(b.manager)];
    const onC = watch(c.manager);
    await vi.waitFor(() => expect(onC.mirror.version).toBe(1), WAIT);
    const asked = async (): Promise<number | undefined> => (await a.log.viewers.elsewhere([CAMPAIGN])).get(CAMPAIGN);
    const keys = async () => (await admin.keys(`*${namespace}:viewers*`)).length;
    await a.log.ping();
    expect(await keys()).toBe(0);
    await vi.waitFor(async () => expect(await asked()).toBe(3), WAIT);
    onB[0]?.abort();
    await vi.waitFor(async () => expect(await asked()).toBe(2), WAIT);
    expect((await b.log.viewers.elsewhere([CAMPAIGN, 'another'])).get(CAMPAIGN)).toBe(1);
  });

  it('G10 L103 what an instance that died has said of who is there is told to nobody who comes later, and leaves Redis', async () => {
    const [a, b] = [await start(), await start()];
    const key = campaignKeys(namespace, CAMPAIGN).presence;
    await a.log.presence.publish(CAMPAIGN, '[{"id":"ada"}]');
    // As ten seconds without a word of it leave it.
    await admin.hset(key, { dead: '[{"id":"ghost"}]', 'u:dead': '1' });
    expect([...(await b.log.presence.read(CAMPAIGN)).values()]).toEqual(['[{"id":"ada"}]']);
    await a.log.presence.publish(CAMPAIGN, '[{"id":"ada"},{"id":"bob"}]');
    expect(await admin.hkeys(key)).toHaveLength(2);
    expect(await admin.pttl(key)).toBeGreaterThan(0);
    await a.log.presence.publish(CAMPAIGN, undefined);
    expect(await admin.exists(key)).toBe(0);
  });

  it('L104 after FLUSHALL, and after the table alone was lost, locks of jobs are void, and fences go on rising', async () => {
    const [a, b] = [await start(), await start()];
    const { locks } = a.manager;
    const job = { path: ['nightly'], ttlMs: 60_000 };
    let before = await locks.acquire(CALLERS.editor, {}, JOBS, job);
    for (const lose of [() => admin.flushall(), () => admin.del(jobLockKeys(namespace, 0).table)]) {
      await lose();
      // By one that knows nothing of what was lost, and by one that does.
      const next = await b.manager.locks.acquire(CALLERS.admin, {}, JOBS, job);
      expect(next.fence).toBeGreaterThan(before.fence);
      const renewal = { lockId: before.lockId, fence: before.fence };
      expect(await refusal(locks.renew(CALLERS.editor, {}, JOBS, renewal))).toMatchObject({ reason: 'LOCK_LOST' });
      before = await locks.steal(CALLERS.admin, {}, JOBS, job);
      expect(before.fence).toBeGreaterThan(next.fence);
    }
  });

  it('G3 L31 the same mutation id on two instances is applied once', async () => {
    const [a, b] = [await start(), await start()];
    await create(a);
    await titleOf(b);
    const receipts = await Promise.all([title(a, 'once', 'm1'), title(b, 'once', 'm1'), title(b, 'once', 'm1')]);
    expect(new Set(receipts.map(({ version }) => version)).size).toBe(1);
    expect(await refusal(title(b, 'other', 'm1'))).toMatchObject({ reason: 'INVALID', path: ['mutationId'] });
  });

  it('G9 L32 an instance that misses a publication catches up, also with the last one before a silence', async () => {
    const [a, b] = [await start(), await start()];
    await create(a);
    const onB = watch(b.manager);
    await vi.waitFor(() => expect(onB.mirror.version).toBe(1), WAIT);
    // An entry that is in the log and was never published.
    const { meta, log } = campaignKeys(namespace, CAMPAIGN);
    await title(a, 'published');
    await vi.waitFor(() => expect(onB.mirror.version).toBe(2), WAIT);
    const [entry] = await admin.xrange(log, '2-0', '2-0');
    const bytes = entry?.[1][1]
      ?.replace('"version":2', '"version":3')
      .replace(/"mutationId":"[^"]+"/, '"mutationId":"silent"')
      .replace('published', 'missed');
    await admin.xadd(log, '3-0', 'b', bytes ?? '', 't', 'a-tail');
    await admin.hset(meta, { version: '3', tail: 'a-tail' });
    await vi.waitFor(() => expect(onB.mirror.content.state.title).toBe('missed'), WAIT);
    expect(onB.mirror.snapshots).toEqual(['start']);
  });

  it('G9 L33 a subscriber connection that breaks misses nothing', async () => {
    const [a, b] = [await start(), await start()];
    await create(a);
    const onB = watch(b.manager);
    await vi.waitFor(() => expect(onB.mirror.version).toBe(1), WAIT);
    for (let index = 0; index < 20; index += 1) {
      if (index % 5 === 0) await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await title(a, `t${index}`);
    }
    await vi.waitFor(() => expect(onB.mirror.version).toBe(21), WAIT);
    expect(onB.mirror.snapshots).toEqual(['start']);
  });

  it('G5 L34 after FLUSHALL what the instances still know is saved, in a new epoch, and nothing is accepted before that', async () => {
    const [a, b] = [await start(), await start()];
    await create(a);
    const onB = watch(b.manager);
    archiveDown = true;
    const before = await title(a, 'not saved yet');
    await vi.waitFor(() => expect(onB.mirror.version).toBe(2), WAIT);
    await admin.flushall();
    archiveDown = false;
    const after = await title(a, 'after the loss');
    expect(after.epoch).not.toBe(before.epoch);
    expect(after.version).toBe(3);
    await vi.waitFor(() => expect(onB.mirror.version).toBe(3), WAIT);
    expect(onB.mirror.snapshots).toEqual(['start']);
    expect(onB.mirror.content.state.title).toBe('after the loss');
    expect(await titleOf(b)).toBe('after the loss');
    await vi.waitFor(() => expect(saved()).toBe(3), WAIT);
  });

  it('G5 L35 a change that no instance can save is reported to those who saw it', async () => {
    const [a, b] = [await start(), await start()];
    await create(a);
    const onB = watch(b.manager);
    archiveDown = true;
    await title(a, 'lost', 'm-lost');
    await vi.waitFor(() => expect(onB.mirror.version).toBe(2), WAIT);
    // B alone remains, and cannot save either until the epoch has been ended by a newcomer.
    await a.kill();
    await admin.flushall();
    const c = createMemoryArchive({ store, soleUser: false });
    const membership = (await c.load(CAMPAIGN, 0))?.membership;
    const head = store.campaigns.get(CAMPAIGN)?.head;
    expect(
      await c.enterLog(
        CAMPAIGN,
        { epoch: head?.epoch ?? '', version: 1, generation: membership?.generation ?? 0 },
        'next',
      ),
    ).toBe(true);
    archiveDown = false;
    await vi.waitFor(() => expect(onB.mirror.snapshots).toEqual(['start', 'reset']), WAIT);
    const last = onB.events.findLast(({ event }) => event.type === 'snapshot');
    expect(last?.event).toMatchObject({ reason: 'reset', lost: ['m-lost'] });
    expect(onB.mirror.content.state.title).toBe('Summer');
  });

  it('G2 L36 a Redis that comes back with fewer entries, or with another timeline, is noticed by an instance that has seen more', async () => {
    const a = await start();
    await create(a);
    const { meta, log } = campaignKeys(namespace, CAMPAIGN);
    await title(a, 'one');
    const stale = { meta: await admin.dumpBuffer(meta), log: await admin.dumpBuffer(log) };
    archiveDown = true;
    const seen = await title(a, 'two');
    // A stale replica is promoted: the same generation, fewer entries.
    await admin.restore(meta, 0, stale.meta ?? '', 'REPLACE');
    await admin.restore(log, 0, stale.log ?? '', 'REPLACE');
    archiveDown = false;
    const next = await title(a, 'three');
    expect(next.epoch).not.toBe(seen.epoch);
    expect(next.version).toBe(seen.version + 1);
    expect((await a.manager.at(CALLERS.admin, CAMPAIGN, seen.version)).state.title).toBe('two');
  });

  it('G5 L37 a restart of Redis ends the epoch and loses nothing', async () => {
    const [a, b] = [await start(), await start()];
    await create(a);
    const onB = watch(b.manager);
    const before = await title(a, 'before');
    await vi.waitFor(() => expect(onB.mirror.version).toBe(2), WAIT);
    await redis.kill();
    expect(await refusal(title(a, 'meanwhile'))).toMatchObject({ reason: 'UNAVAILABLE' });
    expect(await titleOf(b)).toBe('before');
    await redis.restart();
    await vi.waitFor(async () => title(a, 'after'), { timeout: 15_000, interval: 200 });
    await vi.waitFor(() => expect(onB.mirror.content.state.title).toBe('after'), WAIT);
    expect(onB.mirror.epoch).not.toBe(before.epoch);
    expect(onB.mirror.snapshots).toEqual(['start']);
  });

  it('G5 L81 a stream key that is deleted alone is noticed, nothing more is accepted, and what instances hold is saved', async () => {
    const [a, b] = [await start(), await start()];
    await create(a);
    await titleOf(b);
    archiveDown = true;
    for (let step = 1; step <= 5; step += 1) await title(a, `step ${step}`);
    await vi.waitFor(async () => expect(await titleOf(b)).toBe('step 5'), WAIT);
    const { log } = campaignKeys(namespace, CAMPAIGN);
    expect(await admin.del(log)).toBe(1);
    expect(await refusal(title(a, 'on a log with a gap'))).toMatchObject({ reason: 'UNAVAILABLE' });
    archiveDown = false;
    await vi.waitFor(() => expect(saved()).toBeGreaterThanOrEqual(6), WAIT);
    const receipt = asReceipt(
      await a.manager.mutate(CALLERS.admin, CAMPAIGN, setTitle('after'), { durability: 'durable' }),
    );
    expect(receipt).toMatchObject({ durability: 'durable' });
    expect((await a.manager.at(CALLERS.admin, CAMPAIGN, 6)).state.title).toBe('step 5');
    await vi.waitFor(async () => expect(await titleOf(b)).toBe('after'), WAIT);
  });

  it('G9 L99 an instance that missed an entry converges although the stream with that entry is gone', async () => {
    const proxy = await openTcpProxy(redis.port);
    try {
      const [a, b] = [await start(), await start(600_000, proxy.url.replace('http:', 'redis:'))];
      await create(a);
      const onB = watch(b.manager);
      await vi.waitFor(() => expect(onB.mirror.version).toBe(1), WAIT);
      proxy.freeze();
      await title(a, 'missed');
      await vi.waitFor(() => expect(saved()).toBe(2), WAIT);
      expect(await admin.del(campaignKeys(namespace, CAMPAIGN).log)).toBe(1);
      proxy.restore();
      await vi.waitFor(() => expect(onB.mirror.content.state.title).toBe('missed'), WAIT);
      expect(onB.mirror.version).toBe(2);
    } finally {
      await proxy.close();
    }
  });

  it('G5 L82 an instance that has just started makes the others save what the log has lost', async () => {
    const a = await start();
    await create(a);
    archiveDown = true;
    for (let step = 1; step <= 5; step += 1) await title(a, `step ${step}`);
    await admin.del(campaignKeys(namespace, CAMPAIGN).log);
    archiveDown = false;
    // The newcomer holds nothing, and is the first to open the campaign.
    const c = await start();
    await vi.waitFor(async () => expect(await titleOf(c)).toBe('step 5'), { timeout: 10_000, interval: 50 });
    expect(saved()).toBeGreaterThanOrEqual(6);
    expect((await title(c, 'after')).changed).toBe(true);
  });

  it('G5 L38 what a killed instance accepted is saved by another', async () => {
    const [a, b] = [await start(), await start()];
    await create(a);
    archiveDown = true;
    await title(a, 'from the dead');
    await a.kill();
    archiveDown = false;
    await vi.waitFor(() => expect(saved()).toBe(2), WAIT);
    expect(await titleOf(b)).toBe('from the dead');
  });

  it('G10 L39 an idle campaign leaves Redis and comes back with the same epoch and tail', async () => {
    const a = await start(100);
    await create(a);
    const { epoch } = await title(a, 'sleeping');
    const { meta, log } = campaignKeys(namespace, CAMPAIGN);
    await vi.waitFor(async () => expect(await admin.exists(meta, log)).toBe(0), WAIT);
    const again = await title(a, 'awake');
    expect(again).toMatchObject({ epoch, version: 3 });
    const watching = watch(a.manager);
    await vi.waitFor(() => expect(watching.mirror.version).toBe(3), WAIT);
  });

  it('L40 a campaign that another instance hosts does not leave Redis', async () => {
    const a = await start(100);
    const b = await start();
    await create(a);
    await title(b, 'here');
    await titleOf(a);
    await vi.waitFor(() => expect(a.manager.stats().campaigns).toBe(0), WAIT);
    expect(await admin.exists(campaignKeys(namespace, CAMPAIGN).meta)).toBe(1);
    expect((await title(b, 'still')).version).toBe(3);
  });

  it('L41 an instance that stops commits the entries it knows, and does not wait for what others go on writing', async () => {
    const [a, b] = [await start(), await start()];
    await create(a);
    await titleOf(b);
    const { promise, resolve: letCommit } = Promise.withResolvers<void>();
    const commits = [promise];
    beforeCommit = () => commits.shift() ?? Promise.reject(new Error('not now'));
    await title(a, 'known to A');
    await vi.waitFor(() => expect(commits).toEqual([]), WAIT);
    const stopped = a.manager.stop(60_000);
    await title(b, 'written meanwhile');
    await vi.waitFor(() => expect(a.log.backlog().entries).toBe(2), WAIT);
    letCommit();
    expect(await stopped).toBe(true);
    expect(saved()).toBe(2);
    beforeCommit = () => Promise.resolve();
    await vi.waitFor(() => expect(saved()).toBe(3), WAIT);
  });

  it('L44 an instance that stops right after another one commits what that one was archiving', async () => {
    const [a, b] = [await start(), await start()];
    await create(a);
    await titleOf(b);
    archiveDown = true;
    // The first writer archives.
    await title(a, 'first');
    await title(b, 'second');
    expect(await a.manager.stop(50)).toBe(false);
    archiveDown = false;
    // Its lease would last for five seconds, and what waits counts as an orphan after three.
    expect(await b.manager.stop(2_500)).toBe(true);
    expect(saved()).toBe(3);
  });

  it('L43 the offset between the clocks of an instance and of Redis is measured continuously', async () => {
    for (const ahead of [90_000, -5_000]) {
      let skew = 0;
      const log = createRedisLog({
        url: redis.url,
        namespace,
        clock: { ...systemClock, now: () => Date.now() + skew },
      });
      await log.ready();
      const about = (expected: number) =>
        vi.waitFor(() => expect(Math.abs(log.clockOffset - expected)).toBeLessThan(200), WAIT);
      await about(0);
      skew = ahead;
      await about(ahead);
      await log.stop();
    }
  });

  it('G9 L42 a subscription that Redis refuses is compensated by the head check, and made again', async () => {
    const [a, b] = [await start(), await start()];
    await create(a);
    const onB = watch(b.manager);
    await vi.waitFor(() => expect(onB.mirror.version).toBe(1), WAIT);
    const { channel } = campaignKeys(namespace, CAMPAIGN);
    const listeners = async (): Promise<unknown> => ((await admin.pubsub('SHARDNUMSUB', channel)) as unknown[])[1];
    await admin.acl('SETUSER', 'default', '-ssubscribe');
    try {
      await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await vi.waitFor(async () => expect(await listeners()).toBe(0), WAIT);
      await title(a, 'published to nobody');
      await vi.waitFor(() => expect(onB.mirror.content.state.title).toBe('published to nobody'), WAIT);
    } finally {
      await admin.acl('SETUSER', 'default', '+ssubscribe');
    }
    await vi.waitFor(async () => expect(await listeners()).toBe(2), WAIT);
  });
});
