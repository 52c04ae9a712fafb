import type { Cluster, Redis } from 'ioredis';
import type { RedisFindings } from './log-health.ts';

/** The oldest major version of Redis: sharded channels, and scripts that may read the time, came with it. */
const MIN_MAJOR_VERSION = 7;

/**
 * Checks version and settings of every node. An eviction policy other than `noeviction` would silently drop entries;
 * without an append-only file a restart of Redis loses what is not yet in Postgres, which is allowed, and said.
 */
export async function checkRedis(client: Redis | Cluster): Promise<RedisFindings> {
  const refusals: string[] = [];
  const warnings: string[] = [];
  for (const node of nodesOf(client)) {
    const server = await node.info('server');
    if (server.includes('redis_mode:sentinel')) {
      refusals.push(
        'It is the address of a Sentinel: write redis+sentinel://host:26379,host:26379/<name of the primary>.',
      );
      continue;
    }
    const version = /redis_version:(\d+)[^\r\n]*/.exec(server);
    if (Number(version?.[1]) < MIN_MAJOR_VERSION) {
      refusals.push(
        `Redis must be of version ${MIN_MAJOR_VERSION} or newer; this one says ${version?.[0] ?? 'nothing of its version'}.`,
      );
    }
    const eviction = await findEviction(node);
    if (eviction !== undefined) refusals.push(eviction);
    if (!(await node.info('persistence')).includes('aof_enabled:1')) {
      warnings.push(
        'Redis runs without `appendonly yes`: if it restarts, changes that are not yet in Postgres are taken from the instances that still know them.',
      );
    }
  }
  return { refusals: [...new Set(refusals)], warnings: [...new Set(warnings)] };
}

/** Checks again what can be changed while Redis runs. Returns what is wrong, in one sentence. */
export async function checkRunningRedis(client: Redis | Cluster): Promise<string | undefined> {
  for (const node of nodesOf(client)) {
    const eviction = await findEviction(node);
    if (eviction !== undefined) return eviction;
  }
  return undefined;
}

/** Whether the server is one node of a cluster that has others. */
export async function isNodeOfCluster(client: Redis | Cluster): Promise<boolean> {
  if (client.isCluster || !(await client.info('cluster')).includes('cluster_enabled:1')) return false;
  const size = /cluster_size:(\d+)/.exec(String(await client.call('CLUSTER', 'INFO')))?.[1];
  return Number(size) > 1;
}

function nodesOf(client: Redis | Cluster): Redis[] {
  return 'nodes' in client ? client.nodes('master') : [client];
}

async function findEviction(node: Redis): Promise<string | undefined> {
  const policy = /maxmemory_policy:(\S+)/.exec(await node.info('memory'))?.[1];
  if (policy === 'noeviction') return undefined;
  return `Redis must run with \`maxmemory-policy noeviction\`, or it drops changes that are not yet saved; it is set to ${policy ?? 'unknown'}.`;
}
