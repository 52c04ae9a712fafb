import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import { asError } from '../core/errors.ts';
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
    onHealthChange(part, failure) {
      if (failure) logger.error({ part, cause: failure.cause }, failure.message);
      else logger.info({ part }, part === 'settings' ? 'the settings of Redis are right again' : `${part} works again`);
    },
  });
  const timeout = pause(startTimeout, undefined, { ref: false }).then(() => {
    const last = log.health.reading?.message ?? 'The host does not answer at all, as behind a firewall.';
    const scheme = redisUrl.startsWith('rediss')
      ? 'If that port does not speak TLS, write redis://.'
      : 'If that port speaks TLS only, write rediss://.';
    throw new Error(`REDIS_URL: no answer within START_TIMEOUT, ${startTimeout / 1_000} s. ${last} ${scheme}`);
  });
  const ready = log.ready().catch((error: unknown) => {
    throw new Error(`REDIS_URL: ${asError(error).message}`, { cause: error });
  });
  const { refusals, warnings } = await Promise.race([ready, timeout]).catch(async (error: unknown) => {
    await log.stop();
    throw error;
  });
  for (const warning of warnings) logger.warn(warning);
  if (refusals.length > 0) throw new Error(`REDIS_URL: ${refusals.join(' ')}`);
  return log;
}
