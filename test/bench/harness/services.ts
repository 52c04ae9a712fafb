import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRedis } from '../../../start/services/redis.ts';
import { findPostgres } from '../../tools/postgres.ts';

/** What systems need beside themselves; each is started when it is first asked for. */
export interface Services {
  redisUrl(): Promise<string>;
  databaseUrl(): Promise<string>;
  /** A namespace that nobody has used yet. */
  namespace(): string;
  /** An empty folder. */
  folder(): Promise<string>;
  stop(): Promise<void>;
}

/**
 * The Redis of `REDIS_URL` and the Postgres of `DATABASE_URL`, else ones of our own, both with their default
 * durability.
 */
export function createServices(): Services {
  const stops: (() => Promise<void>)[] = [];
  let redis: Promise<string> | undefined;
  let postgres: Promise<string> | undefined;
  let namespaces = 0;
  const folders: string[] = [];
  process.once('exit', () => {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });

  const openRedis = async (): Promise<string> => {
    const given = process.env['REDIS_URL'];
    if (given) return given;
    const { url, stop } = await startRedis();
    stops.push(stop);
    return url;
  };

  const openPostgres = async (): Promise<string> => {
    const { url, stop } = await findPostgres();
    stops.push(stop);
    return url;
  };

  return {
    redisUrl: () => (redis ??= openRedis()),
    databaseUrl: () => (postgres ??= openPostgres()),
    namespace: () => `bench_${process.pid}_${(namespaces += 1)}`,
    async folder() {
      const folder = await mkdtemp(join(tmpdir(), 'campaign-state-bench-'));
      folders.push(folder);
      stops.push(() => rm(folder, { recursive: true, force: true }));
      return folder;
    },
    async stop() {
      for (const stop of stops.splice(0).reverse()) await stop();
    },
  };
}
