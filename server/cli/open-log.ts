import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import { systemClock } from '../engine/system-clock.ts';
import { createRedisLog } from '../log/redis-log.ts';
import type { RedisLog } from '../log/redis-log.ts';
import type { Config } from './config.ts';

/**
 * Opens the Redis log of the configuration, and waits until Redis answers and its settings are checked.
 *
 * @returns `undefined` without `REDIS_URL`, where the server uses a log in memory
 * @throws {Error} Where Redis does not answer within `START_TIMEOUT`, or where its settings are not acceptable.
 */
export async function openLog(
  { redisUrl, namespace, startTimeout }: Config,
  logger: Logger,
): Promise<RedisLog | undefined> {
  if (redisUrl === undefined) return undefined;
  const log = createRedisLog({
    url: redisUrl,
    namespace,
    clock: systemClock,
    onError: (error) => logger.warn({ err: error }, 'Redis connection error'),
  });
  const timeout = pause(startTimeout, undefined, { ref: false }).then(() => {
    throw new Error(`REDIS_URL: no answer within START_TIMEOUT, ${startTimeout / 1_000} s.`);
  });
  const { refusals, warnings } = await Promise.race([log.ready(), timeout]);
  for (const warning of warnings) logger.warn(warning);
  if (refusals.length > 0) throw new Error(`REDIS_URL: ${refusals.join(' ')}`);
  return log;
}
