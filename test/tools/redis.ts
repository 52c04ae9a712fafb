/** The tests' Redis is a real one, started as `npm run start:cluster` starts its own. */
export { freePort } from '../../start/services/free-port.ts';
export { startRedis, type TemporaryRedis, type RedisSettings } from '../../start/services/redis.ts';
