import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../server/engine/system-clock.ts';
import type { SealedEntry } from '../../server/core/stream/log-record.ts';
import { partitionOf } from '../../server/log/redis/keys.ts';
import { createRedisLog, type RedisLog } from '../../server/log/redis-log.ts';
import { startRedis, type TemporaryRedis } from '../tools/redis.ts';
import { campaignEntries } from './campaign-entries.ts';

const SPRING = 'spring';
/** Of two partitions, hence of two slots. */
const CAMPAIGNS = [SPRING, 'autumn'].map((campaignId) => ({ campaignId, history: campaignEntries(campaignId) }));
const LONG = 3_600_000;

async function append(log: RedisLog, index: number, count: number): Promise<readonly SealedEntry[]> {
  const campaign = CAMPAIGNS[index];
  if (!campaign) throw new Error(`there is no campaign ${index}`);
  const { campaignId, history } = campaign;
  await log.seed(campaignId, 1, history.start);
  await log.open(campaignId, 1, history.start, () => undefined);
  const entries = history.after(history.start, count);
  expect(await log.append(campaignId, history.start, entries)).toEqual({ kind: 'appended' });
  return entries;
}

describe('calls to Redis', () => {
  let redis: TemporaryRedis;
  let admin: Redis;
  beforeAll(async () => {
    redis = await startRedis();
    admin = new Redis(redis.url);
  });
  afterAll(async () => {
    admin.disconnect();
    await redis.stop();
  });

  /** How many scripts Redis has run so far. */
  const calls = async (): Promise<number> => {
    const stats = await admin.info('commandstats');
    return ['eval', 'evalsha'].reduce(
      (sum, name) => sum + Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0),
      0,
    );
  };

  it('L22 waiting entries are read once and marked once; then Redis is not asked until something new comes', async () => {
    const log = createRedisLog({ url: redis.url, namespace: 'calls', clock: systemClock, checkIntervalMs: LONG });
    await log.ready();
    try {
      const history = campaignEntries(SPRING);
      const first = await append(log, 0, 1);
      // Once, so that Redis has the scripts.
      await log.pending(10);
      await log.markDurable(SPRING, 'e1', 2);
      const entries = history.after(history.headAfter(first), 3);
      await log.append(SPRING, history.headAfter(first), entries);
      await log.ping();
      const before = await calls();
      expect(await log.pending(10)).toEqual([{ campaignId: SPRING, entries }]);
      await log.markDurable(SPRING, 'e1', 5);
      expect(await log.pending(10)).toEqual([]);
      expect((await calls()) - before).toBe(2);
    } finally {
      await log.stop();
    }
  });

  it('L23 entries that come between the read and the mark are read again, whether all of them were read or not', async () => {
    const log = createRedisLog({ url: redis.url, namespace: 'between', clock: systemClock, checkIntervalMs: LONG });
    await log.ready();
    try {
      const history = campaignEntries(SPRING);
      const first = await append(log, 0, 3);
      expect(await log.pending(10)).toHaveLength(1);
      const more = history.after(history.headAfter(first), 2);
      await log.append(SPRING, history.headAfter(first), more);
      await log.markDurable(SPRING, 'e1', 4);
      expect(await log.pending(10)).toEqual([{ campaignId: SPRING, entries: more }]);
      await log.markDurable(SPRING, 'e1', 6);
      const last = history.after(history.headAfter(more), 3);
      await log.append(SPRING, history.headAfter(more), last);
      expect(await log.pending(2)).toEqual([{ campaignId: SPRING, entries: last.slice(0, 2) }]);
      await log.markDurable(SPRING, 'e1', 8);
      expect(await log.pending(2)).toEqual([{ campaignId: SPRING, entries: last.slice(2) }]);
    } finally {
      await log.stop();
    }
  });

  it('L24 a check calls a single node twice, however many partitions there are', async () => {
    const log = createRedisLog({
      url: redis.url,
      namespace: 'checks',
      clock: { ...systemClock, random: () => 0.5 },
      checkIntervalMs: 50,
    });
    await log.ready();
    try {
      await append(log, 0, 1);
      await append(log, 1, 1);
      const before = await calls();
      await vi.waitFor(async () => expect((await calls()) - before).toBeGreaterThanOrEqual(4), {
        timeout: 20_000,
        interval: 50,
      });
      const [at, from] = [performance.now(), await calls()];
      await new Promise((resolve) => setTimeout(resolve, 500));
      const made = (await calls()) - from;
      const checks = (performance.now() - at) / 50 + 1;
      expect(made).toBeLessThanOrEqual(2 * checks);
    } finally {
      await log.stop();
    }
  });

  it('L25 an instance that stops hands its archiving over: the others learn what waits, and need not wait for its lease to expire', async () => {
    const join = async (): Promise<RedisLog> => {
      const log = createRedisLog({ url: redis.url, namespace: 'handover', clock: systemClock, checkIntervalMs: LONG });
      await log.ready();
      return log;
    };
    const [stopping, staying] = [await join(), await join()];
    try {
      const history = campaignEntries(SPRING);
      const first = await append(stopping, 0, 1);
      await staying.open(SPRING, 1, history.start, () => undefined);
      let woken = 0;
      staying.onPending(() => (woken += 1));
      const more = history.after(history.headAfter(first), 2);
      expect(await staying.append(SPRING, history.headAfter(first), more)).toEqual({ kind: 'appended' });
      // The other instance holds the lease.
      expect(await staying.pending(10)).toEqual([]);
      const before = woken;
      await stopping.handOver();
      await vi.waitFor(() => expect(woken).toBeGreaterThan(before), 20_000);
      expect(await staying.pending(10)).toEqual([{ campaignId: SPRING, entries: [...first, ...more] }]);
    } finally {
      await Promise.all([stopping.stop(), staying.stop()]);
    }
  });
});

describe('a cluster of a single node', () => {
  it('L63 is checked like any other: entries that a killed instance left waiting are found, and nothing fails', async () => {
    const node = await startRedis({ settings: { 'cluster-enabled': 'yes' } });
    const admin = new Redis(node.url);
    const logs: RedisLog[] = [];
    try {
      await admin.cluster('ADDSLOTSRANGE', 0, 16_383);
      await vi.waitFor(async () => expect(await admin.cluster('INFO')).toContain('cluster_state:ok'), 20_000);
      expect(new Set(CAMPAIGNS.map(({ campaignId }) => partitionOf(campaignId))).size).toBe(2);
      const errors: Error[] = [];
      const join = async (checkIntervalMs: number): Promise<RedisLog> => {
        const log = createRedisLog({
          url: node.url,
          namespace: 'one',
          clock: systemClock,
          checkIntervalMs,
          onError: (error) => errors.push(error),
        });
        logs.push(log);
        await log.ready();
        return log;
      };
      const killed = await join(LONG);
      const left = [await append(killed, 0, 2), await append(killed, 1, 1)];
      await killed.stop();
      const survivor = await join(100);
      const found = new Map<string, readonly SealedEntry[]>();
      const look = async (): Promise<void> => {
        for (const { campaignId, entries } of await survivor.pending(10)) found.set(campaignId, entries);
        expect(found.size).toBe(2);
      };
      await vi.waitFor(look, { timeout: 20_000, interval: 100 });
      expect([found.get(SPRING), found.get('autumn')]).toEqual(left);
      expect(errors).toEqual([]);
    } finally {
      await Promise.all(logs.map((log) => log.stop()));
      admin.disconnect();
      await node.stop();
    }
  });
});
