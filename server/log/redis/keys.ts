import { crc32 } from 'node:zlib';

/** Campaigns share so many hash slots: enough to spread over any cluster, few enough to be swept. */
export const PARTITIONS = 256;

/** The keys of one campaign, all under the hash tag of its partition, so that one script may touch them together. */
export interface CampaignKeys {
  /** Hash: generation, run, epoch, version, tail, durable, lease, leaseUntil. */
  meta: string;
  /** Stream: one entry a version, id `version-0`, fields `b` (bytes) and `t` (tail). */
  log: string;
  /**
   * Sorted set of the partition's campaigns that are not yet durable; the score is when, by Redis' clock, they came to
   * be so.
   */
  dirty: string;
  /** Sharded channel of the campaign's publications. */
  channel: string;
}

export function partitionOf(campaignId: string): number {
  return crc32(campaignId) % PARTITIONS;
}

export function dirtyKey(namespace: string, partition: number): string {
  return `{${namespace}:${partition}}:dirty`;
}

export function campaignKeys(namespace: string, campaignId: string): CampaignKeys {
  const partition = partitionOf(campaignId);
  const tag = `{${namespace}:${partition}}`;
  return {
    meta: `${tag}:m:${campaignId}`,
    log: `${tag}:l:${campaignId}`,
    dirty: dirtyKey(namespace, partition),
    channel: `${tag}:c:${campaignId}`,
  };
}
