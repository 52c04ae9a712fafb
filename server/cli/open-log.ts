import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import { systemClock } from '../engine/system-clock.ts';
import { createRedisLog } from '../log/redis-log.ts';
import type { RedisLog } from '../log/redis-log.ts';
import type { Config } from './config.ts';

/**
 * The log of many instances, once it answers and is fit to be one; `undefined` without Redis, where the server has its
 * own.
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
    onError: (error) => logger.warn({ err: error }, 'Redis does not answer as it should'),
  });
  const late = pause(startTimeout, undefined, { ref: false }).then(() => {
    throw new Error(`REDIS_URL: no answer within START_TIMEOUT, ${startTimeout / 1_000} s.`);
  });
  const { refusals, warnings } = await Promise.race([log.ready(), late]);
  for (const warning of warnings) logger.warn(warning);
  if (refusals.length > 0) throw new Error(`REDIS_URL: ${refusals.join(' ')}`);
  return log;
}
