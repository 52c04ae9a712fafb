import { spawnSync } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { createChildService } from '../../start/services/child-service.ts';
import { freePort, startRedis, type TemporaryRedis } from './redis.ts';

/** A primary, a replica of it, and a Sentinel that watches them; all real. */
export interface TemporarySentinel {
  /** `redis+sentinel://…`. */
  readonly url: string;
  /** The Sentinel's own address. */
  readonly sentinelUrl: string;
  /** Makes the replica the primary; resolves when the Sentinel names it. */
  failOver(): Promise<void>;
  stop(): Promise<void>;
}

const NAME = 'primary';

/** Starts them on free ports of 127.0.0.1. */
export async function startSentinel(): Promise<TemporarySentinel> {
  const servers: TemporaryRedis[] = [];
  const folder = await mkdtemp(join(tmpdir(), 'campaign-state-sentinel-'));
  const port = await freePort();
  const command = ['redis-server', 'valkey-server'].find(
    (name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0,
  );
  const first = await startRedis();
  servers.push(first);
  servers.push(await startRedis({ settings: { replicaof: `127.0.0.1 ${first.port}` } }));
  const config = join(folder, 'sentinel.conf');
  await writeFile(
    config,
    [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${folder}`,
      `sentinel monitor ${NAME} 127.0.0.1 ${first.port} 1`,
      `sentinel down-after-milliseconds ${NAME} 1000`,
      `sentinel failover-timeout ${NAME} 5000`,
      '',
    ].join('\n'),
  );
  const sentinel = createChildService({
    name: 'Sentinel',
    command: command ?? 'redis-server',
    args: [config, '--sentinel'],
    cwd: folder,
    probe: () => ask(port, (client) => client.ping()).then(() => undefined),
    startTimeoutMs: 30_000,
    stopSignal: 'SIGKILL',
    folder,
  });
  const stop = async (): Promise<void> => {
    await sentinel.stop();
    await Promise.all(servers.map((server) => server.stop()));
  };
  const primary = async (): Promise<unknown> =>
    ask(port, async (client) => {
      const address = await client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME);
      return Array.isArray(address) ? Number(address[1]) : undefined;
    });
  try {
    await sentinel.start();
    await until(
      async () =>
        String(await ask(port, (client) => client.info('sentinel'))).includes('status=ok,address=127.0.0.1:') &&
        String(await ask(port, (client) => client.info('sentinel'))).includes('slaves=1'),
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: `redis+sentinel://127.0.0.1:${port}/${NAME}`,
    sentinelUrl: `redis://127.0.0.1:${port}`,
    async failOver() {
      const before = await primary();
      await until(() => ask(port, beginFailover));
      await until(async () => (await primary()) !== before);
    },
    stop,
  };
}

/** Begins a failover; `false` while the Sentinel knows of no replica that has answered it lately. */
async function beginFailover(client: Redis): Promise<boolean> {
  try {
    await client.call('SENTINEL', 'FAILOVER', NAME);
    return true;
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('NOGOODSLAVE')) return false;
    throw error;
  }
}

async function ask<T>(port: number, question: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis({ port, lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await question(client);
  } finally {
    client.disconnect();
  }
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 30_000; !(await isSo()); await pause(100))
    if (Date.now() > deadline) throw new Error('the Sentinel is not ready');
}
