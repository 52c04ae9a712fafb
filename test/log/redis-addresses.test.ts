import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tls from 'node:tls';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../server/engine/system-clock.ts';
import { parseRedisAddress } from '../../server/log/redis/address.ts';
import { createRedisLog, type RedisLog } from '../../server/log/redis-log.ts';
import { certificates } from '../tools/certificates.ts';
import { startRedisCluster } from '../tools/redis-cluster.ts';
import { startSentinel } from '../tools/redis-sentinel.ts';
import { freePort, startRedis } from '../tools/redis.ts';
import { campaignEntries } from './campaign-entries.ts';

const WAIT = { timeout: 30_000, interval: 100 };
const logs: RedisLog[] = [];

afterEach(async () => {
  await Promise.all(logs.splice(0).map((log) => log.stop()));
});

function connect(url: string): RedisLog {
  const log = createRedisLog({ url, namespace: 'cs', clock: systemClock, checkIntervalMs: 200 });
  logs.push(log);
  return log;
}

/** Appends one entry to a campaign under that generation, and tells which versions its listener got. */
async function appendOne(log: RedisLog, campaignId: string, generation = 1): Promise<number[]> {
  const { start, after } = campaignEntries(campaignId);
  const received: number[] = [];
  await log.seed(campaignId, generation, start);
  await log.open(campaignId, generation, start, (event) => {
    if (event.kind === 'entry') received.push(event.sealed.record.version);
  });
  expect(await log.append(campaignId, start, after(start, 1))).toEqual({ kind: 'appended' });
  return received;
}

describe('addresses of Redis', () => {
  it('L75 one address of a cluster is enough: every campaign finds its node, also to be listened to', async () => {
    const cluster = await startRedisCluster();
    try {
      const log = connect(cluster.nodes[0]?.url ?? '');
      expect((await log.ready()).refusals).toEqual([]);
      const campaigns = Array.from({ length: 12 }, (_, index) => `campaign-${index}`);
      const received = await Promise.all(campaigns.map((campaignId) => appendOne(log, campaignId)));
      await vi.waitFor(() => expect(received).toEqual(campaigns.map(() => [2])), WAIT);
      expect(log.health).toMatchObject({ reading: undefined, writing: undefined });
    } finally {
      await Promise.all(logs.splice(0).map((log) => log.stop()));
      await cluster.stop();
    }
  });

  it('L76 Sentinels name the primary, also after a failover; the plain address of a Sentinel is refused', async () => {
    const sentinel = await startSentinel();
    try {
      const log = connect(sentinel.url);
      expect((await log.ready()).refusals).toEqual([]);
      await appendOne(log, 'summer');
      await sentinel.failOver();
      await vi.waitFor(async () => expect(await appendOne(log, 'autumn', 2)).toBeDefined(), WAIT);
      expect((await connect(sentinel.sentinelUrl).ready()).refusals).toEqual([
        expect.stringContaining('redis+sentinel://'),
      ]);
    } finally {
      await Promise.all(logs.splice(0).map((log) => log.stop()));
      await sentinel.stop();
    }
  });

  it('L77 two environments in two databases of one Redis do not receive each other’s publications', async () => {
    const redis = await startRedis();
    try {
      const [one, two] = [connect(`${redis.url}/0`), connect(`${redis.url}/1`)];
      await Promise.all([one.ready(), two.ready()]);
      const { start, after } = campaignEntries('summer');
      await two.seed('summer', 1, start);
      const received: number[] = [];
      await two.open('summer', 1, start, (event) => {
        if (event.kind === 'entry') received.push(event.sealed.record.version);
      });
      await appendOne(one, 'summer');
      await two.ping();
      expect(received).toEqual([]);
      await two.append('summer', start, after(start, 1, 'b'));
      await two.ping();
      expect(received).toEqual([2]);
    } finally {
      await Promise.all(logs.splice(0).map((log) => log.stop()));
      await redis.stop();
    }
  });

  it('L78 a user with a password works; a wrong password, and none, are said at once', async () => {
    const redis = await startRedis();
    const admin = new Redis(redis.url);
    try {
      await admin.acl('SETUSER', 'writer', 'on', '>p@ss:word', '~{cs:*', '&{cs:*', '+@all');
      await admin.acl('SETUSER', 'default', 'off');
      const at = (credentials: string): string => redis.url.replace('//', `//${credentials}`);
      const log = connect(at('writer:p%40ss%3Aword@'));
      await log.ready();
      await appendOne(log, 'summer');
      await expect(connect(at('writer:wrong@')).ready()).rejects.toThrow(
        /^Redis does not let this user do it \(WRONGPASS/,
      );
      await expect(connect(redis.url).ready()).rejects.toThrow(/^Redis does not let this user do it \(NOAUTH/);
    } finally {
      await Promise.all(logs.splice(0).map((log) => log.stop()));
      admin.disconnect();
      await redis.stop();
    }
  });

  it('L79 TLS works, and a certificate that is not trusted is said at once, with its reason', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cs-redis-tls-'));
    const port = await freePort();
    const { authorityCertificate, certificate, key } = certificates('localhost');
    for (const [name, text] of Object.entries({
      'ca.pem': authorityCertificate,
      'cert.pem': certificate,
      'key.pem': key,
    }))
      await writeFile(join(folder, name), text);
    const redis = await startRedis({
      settings: {
        'tls-port': String(port),
        'tls-cert-file': join(folder, 'cert.pem'),
        'tls-key-file': join(folder, 'key.pem'),
        'tls-ca-cert-file': join(folder, 'ca.pem'),
        'tls-auth-clients': 'no',
      },
    });
    const authorities = tls.getCACertificates('default');
    try {
      await expect(connect(`rediss://localhost:${port}`).ready()).rejects.toThrow(
        /^The certificate of Redis is not trusted: its authority is not one that this machine knows\./,
      );
      await expect(connect(`rediss://127.0.0.1:${port}`).ready()).rejects.toThrow(
        /^The certificate of Redis is not trusted/,
      );
      tls.setDefaultCACertificates([...authorities, authorityCertificate]);
      const log = connect(`rediss://localhost:${port}`);
      await log.ready();
      await appendOne(log, 'summer');
    } finally {
      tls.setDefaultCACertificates(authorities);
      await Promise.all(logs.splice(0).map((each) => each.stop()));
      await redis.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('L80 addresses are told apart, and what is none is not one', () => {
    expect(parseRedisAddress('redis://host:6379/3')).toMatchObject({ kind: 'single', database: 3 });
    expect(parseRedisAddress('rediss://user:pass@host')).toMatchObject({ kind: 'single', database: 0 });
    expect(parseRedisAddress('redis://a:1, redis://b:2')).toMatchObject({
      kind: 'cluster',
      urls: ['redis://a:1', 'redis://b:2'],
    });
    expect(parseRedisAddress('redis+sentinel://us%3Aer:p%40ss@a:1,[::1]:2,c/main/5?sentinelPassword=x')).toEqual({
      kind: 'sentinel',
      database: 5,
      options: {
        sentinels: [
          { host: 'a', port: 1 },
          { host: '::1', port: 2 },
          { host: 'c', port: 26_379 },
        ],
        name: 'main',
        db: 5,
        username: 'us:er',
        password: 'p@ss',
        sentinelPassword: 'x',
      },
    });
    for (const text of [
      'host:6379',
      'http://host',
      'redis://a,http://b',
      'redis+sentinel://a:1',
      'redis+sentinel://a/b/c',
      'redis://host/x',
    ])
      expect({ text, address: parseRedisAddress(text) }).toEqual({ text, address: undefined });
  });
});
