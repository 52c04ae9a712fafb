import { emptyLockTable } from '../core/locks/lock-table.ts';
import { HEALTHY_LOG, type LogHealth, type OrderedLog } from '../engine/ports.ts';
import type { Replicas } from './replicas.ts';
import { parseLook } from './settings.ts';
import type { UpstreamLink } from './upstream-link.ts';
import type { UpstreamPresence } from './presence/upstream-presence.ts';

/** Of every campaign here: a relay is no member of any log. */
export const GENERATION = 1;
/** How long what somebody has seen elsewhere is waited for, in milliseconds. */
const CATCH_UP_MS = 2_000;
const LOOK_TIMEOUT_MS = 5_000;

/** The ordered log of a relay: upstream's streams. It takes nothing; whatever changes something is forwarded. */
export function createUpstreamLog(
  link: UpstreamLink,
  replicas: Replicas,
  others: UpstreamPresence,
  problem: () => string | undefined,
): OrderedLog {
  const refuse = async (): Promise<never> => {
    throw new Error('a relay changes nothing; what changes something is asked of its upstream');
  };

  const healthOf = (): LogHealth => {
    const message = link.isUp ? undefined : (problem() ?? 'Upstream has not answered yet.');
    if (message === undefined) return HEALTHY_LOG;
    const failure = { cause: 'upstream', message };
    return { reading: failure, writing: failure, settings: undefined };
  };

  return {
    async open(campaignId, _generation, archived, listener) {
      const { entries, durableVersion, stale } = replicas.follow(campaignId, listener);
      others.hold(campaignId);
      const head = entries.at(-1)?.record;
      return {
        kind: 'opened',
        head: head ? { epoch: head.epoch, version: head.version, tail: archived.tail } : archived,
        durableVersion,
        isAheadOfWatermark: true,
        entries,
        locks: emptyLockTable(GENERATION),
        stale,
      };
    },
    seed: refuse,
    remainder: async () => [],
    async close(campaignId) {
      replicas.close(campaignId);
      others.release(campaignId);
      return false;
    },
    remove: async () => false,
    clear: async () => undefined,
    forget: async () => true,
    append: refuse,
    changeLocks: refuse,
    async read(campaignId) {
      // Somebody has seen more of it elsewhere: upstream says how it stands, and the stream brings it.
      const look = parseLook(await link.query('relay.look', { campaignId }, LOOK_TIMEOUT_MS));
      if (look.position !== undefined) await replicas.reached(campaignId, look.position, CATCH_UP_MS);
      return [];
    },
    pending: async () => [],
    markDurable: async () => undefined,
    onPending: () => undefined,
    backlog: () => ({ entries: 0, oldestAt: undefined }),
    get health() {
      return healthOf();
    },
    clockOffset: 0,
    shared: false,
    jobLocks: { change: refuse, onTable: () => undefined },
    viewers: others.viewers,
    presence: others.presence,
    handOver: async () => undefined,
    stop: async () => undefined,
  };
}
