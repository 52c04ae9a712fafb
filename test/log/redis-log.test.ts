import { afterAll, beforeAll } from 'vitest';
import { systemClock } from '../../server/engine/system-clock.ts';
import { createRedisLog, type RedisLog } from '../../server/log/redis-log.ts';
import { startRedis, type TemporaryRedis } from '../tools/redis.ts';
import { describeOrderedLog } from './contract.ts';

let redis: TemporaryRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

let namespaces = 0;

describeOrderedLog('the Redis log', async () => {
  const namespace = `t${(namespaces += 1)}`;
  const instances: RedisLog[] = [];
  const join = async (): Promise<RedisLog> => {
    const log = createRedisLog({ url: redis.url, namespace, clock: systemClock, keepDurable: 2 });
    instances.push(log);
    await log.ready();
    return log;
  };
  return {
    log: await join(),
    join,
    delivered: async () => void (await Promise.all(instances.map((log) => log.ping()))),
    stop: async () => void (await Promise.all(instances.map((log) => log.stop()))),
  };
});
