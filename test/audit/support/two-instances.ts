import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inject } from 'vitest';
import { SECRET } from '../../api/support/server.ts';
import { freshNamespace } from '../../archive/namespace.ts';
import { startMain, temporaryFolder, type ServerProcess } from '../../start/support/processes.ts';
import { startRedis } from '../../tools/redis.ts';
import { newKey } from './signed-archive.ts';

/** Two instances that sign, over a Redis and a namespace of their own. */
export interface TwoInstances {
  readonly one: ServerProcess;
  readonly two: ServerProcess;
  readonly folder: string;
  readonly namespace: string;
  readonly redisUrl: string;
  /** Ends them, and removes what they had. */
  stop(): Promise<void>;
}

export async function startTwoInstances(): Promise<TwoInstances> {
  const { namespace, drop } = freshNamespace();
  const redis = await startRedis();
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'audit.pem'), newKey());
  const env = {
    DATABASE_URL: inject('postgresUrl'),
    REDIS_URL: redis.url,
    CAMPAIGN_NAMESPACE: namespace,
    AUTH_SECRET: SECRET,
    AUDIT_KEY: 'audit.pem',
  };
  const [one, two] = await Promise.all([startMain(folder, env), startMain(folder, env)]);
  return {
    one,
    two,
    folder,
    namespace,
    redisUrl: redis.url,
    async stop() {
      for (const instance of [one, two]) instance.kill('SIGTERM');
      await Promise.all([one.ended, two.ended]);
      await redis.stop();
      await drop();
    },
  };
}
