import type { Cluster, Redis } from 'ioredis';

/** The oldest major version of Redis: sharded channels, and scripts that may read the time, came with it. */
const MIN_MAJOR_VERSION = 7;

/** What a Redis lacks to be a log, one sentence each: `refusals` keep the server from starting. */
export interface RedisFindings {
  readonly refusals: string[];
  readonly warnings: string[];
}

/**
 * Checks version and settings of every node. An eviction policy other than `noeviction` would silently drop entries;
 * without an append-only file a restart of Redis loses what is not yet in Postgres, which is allowed, and said.
 */
export async function checkRedis(client: Redis | Cluster): Promise<RedisFindings> {
  const nodes = 'nodes' in client ? client.nodes('master') : [client];
  const refusals: string[] = [];
  const warnings: string[] = [];
  for (const node of nodes) {
    const version = /redis_version:(\d+)[^\r\n]*/.exec(await node.info('server'));
    if (Number(version?.[1]) < MIN_MAJOR_VERSION) {
      refusals.push(
        `Redis must be of version ${MIN_MAJOR_VERSION} or newer; this one says ${version?.[0] ?? 'nothing of its version'}.`,
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
