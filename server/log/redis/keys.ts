import { crc32 } from 'node:zlib';

/** Partitions of a namespace, each in one hash slot: enough to spread over any cluster, few enough to be swept. */
export const PARTITIONS = 256;

/** The keys of one campaign, all under the hash tag of its partition, so that one script may touch them together. */
export interface CampaignKeys {
  /** Hash: generation, runId, epoch, version, tail, durable, leaseHolder, leaseUntil, locks, `k:<lockId>`. */
  readonly meta: string;
  /** Stream: one entry for each version, id `version-0`, fields `b` (bytes) and `t` (tail). */
  readonly log: string;
  /** Sorted set of the partition's campaigns that are not durable; the score is since when, by Redis' clock. */
  readonly dirty: string;
  /** Hash: what each instance says of who is there, for ten seconds. */
  readonly presence: string;
  /** Sharded channel of the campaign's publications. */
  readonly channel: string;
}

/** The partition of a campaign: in [0, {@link PARTITIONS}). */
export function partitionOf(campaignId: string): number {
  return crc32(campaignId) % PARTITIONS;
}

/** The hash tag of a key, which decides its slot. */
export function hashTagOf(key: string): string {
  return key.slice(0, key.indexOf('}') + 1);
}

/** The key that is written to find out whether the slot of a hash tag takes writes. */
export function probeKey(hashTag: string): string {
  return `${hashTag}:probe`;
}

/** The key of the log's identity: a random token, written by the first instance. */
export function identityKey(namespace: string): string {
  return `{${namespace}:log}:id`;
}

/**
 * The key and the channel of the lock table of jobs. The table is a hash: runId, locks, `k:<lockId>`.
 *
 * @param database the number of the Redis database, as in {@link campaignKeys}
 */
export function jobLockKeys(namespace: string, database: number): { readonly table: string; readonly channel: string } {
  const tag = `{${namespace}:jobs}`;
  return { table: `${tag}:locks`, channel: `${tag}:c${database === 0 ? '' : database}` };
}

/** The key of a partition's campaigns that are not durable. */
export function dirtyKey(namespace: string, partition: number): string {
  return `{${namespace}:${partition}}:dirty`;
}

/**
 * The keys of a campaign.
 *
 * @param database the number of the Redis database: channels are shared by all of them, so that each has its own names
 */
export function campaignKeys(namespace: string, campaignId: string, database = 0): CampaignKeys {
  const partition = partitionOf(campaignId);
  const tag = `{${namespace}:${partition}}`;
  return {
    meta: `${tag}:m:${campaignId}`,
    log: `${tag}:l:${campaignId}`,
    dirty: dirtyKey(namespace, partition),
    presence: `${tag}:p:${campaignId}`,
    channel: `${tag}:c${database === 0 ? '' : database}:${campaignId}`,
  };
}
