import type { Cluster, Redis } from 'ioredis';

/** Sharded publications, and scripts that may read the time, came with it. */
const OLDEST_MAJOR = 7;

/**
 * What keeps a Redis from being a log: one sentence each, naming the setting. An eviction policy other than
 * `noeviction` would silently drop entries; without an append-only file a restart of Redis loses what is not yet in
 * Postgres, which is allowed, and said.
 */
export async function checkRedis(client: Redis | Cluster): Promise<{ refusals: string[]; warnings: string[] }> {
  const nodes = 'nodes' in client ? client.nodes('master') : [client];
  const refusals: string[] = [];
  const warnings: string[] = [];
  for (const node of nodes) {
    const version = /redis_version:(\d+)[^\r\n]*/.exec(await node.info('server'));
    if (Number(version?.[1]) < OLDEST_MAJOR) {
      refusals.push(
        `Redis must be of version ${OLDEST_MAJOR} or newer; this one says ${version?.[0] ?? 'nothing of its version'}.`,
      );
    }
    const memory = await node.info('memory');
    const policy = /maxmemory_policy:(\S+)/.exec(memory)?.[1];
    if (policy !== 'noeviction') {
      refusals.push(
        `Redis must run with \`maxmemory-policy noeviction\`, or it drops changes that are not yet saved; it is set to ${policy ?? 'unknown'}.`,
      );
    }
    if (!(await node.info('persistence')).includes('aof_enabled:1')) {
      warnings.push(
        'Redis runs without `appendonly yes`: if it restarts, changes that are not yet in Postgres are taken from the instances that still know them.',
      );
    }
  }
  return { refusals: [...new Set(refusals)], warnings: [...new Set(warnings)] };
}
