import type { Cluster, Redis } from 'ioredis';
import type { OrderedLog, ViewerCounts } from '../../engine/ports.ts';
import { isJsonObject, type JsonValue } from '../../core/json.ts';

export interface ViewerCountsOptions {
  readonly namespace: string;
  readonly instance: string;
  /** The time by Redis' clock, about, in epoch milliseconds. */
  now(): number;
  commands(): Redis | Cluster;
}

/** Viewers of campaigns over all instances, as far as any of them asks. */
export interface SharedViewerCounts extends Pick<OrderedLog, 'viewers'> {
  /** Publishes this instance's counts of the campaigns that any instance asks for. */
  publish(): Promise<void>;
  /** Asks no longer for a campaign that was deleted. */
  forget(campaignId: string): Promise<void>;
}

/** How long a question and an answer count, in milliseconds; both are repeated every second or two. */
const LIFETIME_MS = 10_000;
/** Campaigns that may be asked for at once, over all instances. */
const MAX_WANTED = 10_000;

/**
 * Creates the exchange of viewer counts: *on demand*. Who shows a list asks for the campaigns on it, by a sorted set
 * with an expiry for each; every instance looks at that once a second and answers with one field of a hash. Where
 * nobody asks that is one empty read a second, whatever the number of campaigns and viewers. Counts are for people to
 * look at: they are up to three seconds old, and those of an instance that has died stay for ten.
 *
 * Rejected: counters that each subscription raises and lowers, which cost a write for each reader that comes and goes,
 * and stay wrong for ever after a crash.
 */
export function createViewerCounts(options: ViewerCountsOptions): SharedViewerCounts {
  const { namespace, instance, now, commands } = options;
  const tag = `{${namespace}:viewers}`;
  const [wantedKey, countsKey] = [`${tag}:wanted`, `${tag}:counts`];
  let countOf: (campaignId: string) => number = () => 0;

  const viewers: ViewerCounts = {
    provide(source) {
      countOf = source;
    },

    async elsewhere(campaignIds) {
      const sums = new Map<string, number>();
      const asked = campaignIds.slice(0, MAX_WANTED);
      if (asked.length === 0) return sums;
      const until = now() + LIFETIME_MS;
      const [, answers] = await Promise.all([
        commands().zadd(wantedKey, ...asked.flatMap((campaignId) => [until, campaignId])),
        commands().hgetall(countsKey),
      ]);
      const ended: string[] = [];
      for (const [other, text] of Object.entries(answers)) {
        if (other === instance) continue;
        const counts = countsIn(text, now());
        if (!counts) ended.push(other);
        for (const [campaignId, count] of counts ?? []) sums.set(campaignId, (sums.get(campaignId) ?? 0) + count);
      }
      if (ended.length > 0) await commands().hdel(countsKey, ...ended);
      return sums;
    },
  };

  return {
    viewers,

    async forget(campaignId) {
      await commands().zrem(wantedKey, campaignId);
    },

    async publish() {
      const time = now();
      const wanted = await commands().zrange(wantedKey, time, '+inf', 'BYSCORE', 'LIMIT', 0, MAX_WANTED);
      if (wanted.length === 0) return;
      const counts = wanted
        .map((campaignId) => [campaignId, countOf(campaignId)] as const)
        .filter(([, count]) => count > 0);
      await commands().hset(
        countsKey,
        instance,
        JSON.stringify({ until: time + LIFETIME_MS, counts: Object.fromEntries(counts) }),
      );
      await Promise.all([
        commands().pexpire(countsKey, LIFETIME_MS),
        commands().zremrangebyscore(wantedKey, '-inf', `(${time}`),
      ]);
    },
  };
}

/** The counts in an instance's answer; `undefined` where it has expired, or is not one. */
function countsIn(text: string, now: number): [campaignId: string, count: number][] | undefined {
  const answer: JsonValue = JSON.parse(text);
  if (!isJsonObject(answer) || typeof answer['until'] !== 'number' || answer['until'] < now) return undefined;
  const { counts } = answer;
  if (!isJsonObject(counts)) return undefined;
  return Object.entries(counts).flatMap(([campaignId, count]) =>
    typeof count === 'number' ? [[campaignId, count]] : [],
  );
}
