import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../server/engine/system-clock.ts';
import { createRedisLog, type RedisLog, type RedisLogOptions } from '../../server/log/redis-log.ts';
import { openTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { startRedis, type TemporaryRedis } from '../tools/redis.ts';
import { campaignEntries } from './campaign-entries.ts';

const ID = 'summer';
const WAIT = { timeout: 30_000, interval: 50 };
const { start, after, headAfter } = campaignEntries(ID);

let redis: TemporaryRedis;
let admin: Redis;
const logs: RedisLog[] = [];
let namespaces = 0;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());
beforeEach(() => {
  admin = new Redis(redis.url);
  namespaces += 1;
});
afterEach(async () => {
  await Promise.all(logs.splice(0).map((log) => log.stop()));
  admin.disconnect();
});

async function open(options: Partial<RedisLogOptions> = {}): Promise<RedisLog> {
  const log = createRedisLog({
    url: redis.url,
    namespace: `h${namespaces}`,
    clock: systemClock,
    checkIntervalMs: 100,
    settingsIntervalMs: 100,
    ...options,
  });
  logs.push(log);
  await log.ready();
  return log;
}

async function host(log: RedisLog): Promise<void> {
  await log.seed(ID, 1, start);
  await log.open(ID, 1, start, () => undefined);
}

describe('the health of a Redis log', () => {
  it('L70 a full Redis is seen to refuse writes at once and until a write passes, whatever is read', async () => {
    const changes: string[] = [];
    const log = await open({ onHealthChange: (part, failure) => changes.push(`${part} ${failure?.cause}`) });
    await host(log);
    const first = after(start, 2);
    await log.append(ID, start, first);
    await admin.config('SET', 'maxmemory', '1');
    try {
      await expect(log.append(ID, headAfter(first), after(headAfter(first), 1))).rejects.toThrow(/^OOM/);
      expect(log.health.writing).toMatchObject({ cause: 'full', message: expect.stringContaining('maxmemory') });
      for (let read = 0; read < 3; read += 1) {
        await log.read(ID, 1, 10);
        await log.ping();
      }
      expect(log.health.writing?.cause).toBe('full');
      expect(log.health.reading).toBeUndefined();
      // What waits is still saved, and the watermark moves: a full Redis can only be emptied in this way.
      expect(await log.pending(10)).toEqual([{ campaignId: ID, entries: first }]);
      await log.markDurable(ID, 'e1', 3);
      expect(log.backlog().entries).toBe(0);
      expect(log.health.writing?.cause).toBe('full');
    } finally {
      await admin.config('SET', 'maxmemory', '0');
    }
    // Nobody writes: the log tries by itself.
    await vi.waitFor(() => expect(log.health.writing).toBeUndefined(), WAIT);
    expect(changes).toEqual(['writing full', 'writing undefined']);
  });

  it('L71 a Redis that became read-only is seen as such, and reads go on', async () => {
    const log = await open();
    await host(log);
    await admin.replicaof('127.0.0.1', '1');
    try {
      await expect(log.append(ID, start, after(start, 1))).rejects.toThrow(/READONLY/);
      expect(log.health.writing?.cause).toBe('read-only');
      await vi.waitFor(async () => expect(await log.read(ID, 1, 10)).toEqual([]), WAIT);
      await log.ping();
      expect(log.health.writing?.cause).toBe('read-only');
    } finally {
      await admin.replicaof('NO', 'ONE');
    }
    await vi.waitFor(() => expect(log.health).toMatchObject({ writing: undefined, reading: undefined }), WAIT);
  });

  it('L72 after a failover behind the same address the connections are made again, though none of them broke', async () => {
    const other = await startRedis();
    const replica = new Redis(other.url);
    let port = redis.port;
    let proxy: TcpProxy | undefined;
    try {
      await replica.replicaof('127.0.0.1', redis.port);
      await vi.waitFor(async () => expect(await replica.info('replication')).toContain('master_link_status:up'), WAIT);
      proxy = await openTcpProxy(() => port);
      const log = await open({ url: `redis://127.0.0.1:${proxy.port}` });
      await host(log);
      const received: number[] = [];
      const heard: number[][] = [];
      await log.open(ID, 1, start, (event) => event.kind === 'entry' && received.push(event.sealed.record.version));
      await replica.replicaof('NO', 'ONE');
      await admin.replicaof('127.0.0.1', other.port);
      port = other.port;
      const entries = after(start, 1);
      // The promoted replica has another run id: the campaign enters it anew.
      const seeded = async (): Promise<void> => {
        await log.seed(ID, 2, start);
        // A list for each listener: it replaces the one before.
        const own: number[] = [];
        heard.push(own);
        await log.open(ID, 2, start, (event) => event.kind === 'entry' && own.push(event.sealed.record.version));
        const result = await log.append(ID, start, entries);
        // An append whose answer was lost conflicts with itself (L7).
        const version = result.kind === 'conflict' ? result.entries.at(-1)?.record.version : undefined;
        expect(version === 2 ? 'appended' : result.kind).toBe('appended');
      };
      await vi.waitFor(seeded, WAIT);
      await vi.waitFor(() => expect([...new Set(heard.flat())]).toEqual([2]), WAIT);
      expect(received).toEqual([]);
      expect(log.health.writing).toBeUndefined();
    } finally {
      await Promise.all(logs.splice(0).map((log) => log.stop()));
      await admin.replicaof('NO', 'ONE');
      replica.disconnect();
      await proxy?.close();
      await other.stop();
    }
  });

  it('L73 an eviction policy that is changed while the service runs is noticed', async () => {
    const log = await open();
    await admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
    try {
      await vi.waitFor(() => expect(log.health.settings?.message).toContain('allkeys-lru'), WAIT);
    } finally {
      await admin.config('SET', 'maxmemory-policy', 'noeviction');
    }
    await vi.waitFor(() => expect(log.health.settings).toBeUndefined(), WAIT);
  });

  it('L74 an instance that neither hosts nor archives a campaign knows how long its entries have been waiting', async () => {
    const [writing, other] = [await open(), await open()];
    await host(writing);
    const before = Date.now();
    await writing.append(ID, start, after(start, 1));
    await writing.pending(10);
    expect(other.backlog().oldestAt).toBeUndefined();
    await vi.waitFor(() => expect(other.backlog().oldestAt).toBeGreaterThan(before - 1_000), WAIT);
    expect(other.backlog().oldestAt).toBeLessThan(Date.now() - 2_000);
    await writing.markDurable(ID, 'e1', 2);
    await vi.waitFor(() => expect(other.backlog().oldestAt).toBeUndefined(), WAIT);
  });
});
