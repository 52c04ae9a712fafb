import type { LockTable } from '../../core/locks/lock-table.ts';
import type { LiveCampaign } from '../campaign/live-campaign.ts';
import type { Clock } from '../ports.ts';
import type { LockChanges } from './lock-changes.ts';

/** What a place in the queue has come to: the table that grants it, or one in which the place is missing. */
export type PlaceOutcome =
  | { readonly kind: 'settled'; readonly table: LockTable }
  | { readonly kind: 'aborted' | 'timeout' | 'stopped' };

/** The places in queues that callers of this instance wait for, and the campaigns whose locks are watched here. */
export interface LockQueue {
  /** Waits until a place is granted or gone. */
  wait(live: LiveCampaign, lockId: string, timeoutMs: number, signal: AbortSignal | undefined): Promise<PlaceOutcome>;
  /** Ends the waiting for a place that was given up. */
  giveUp(campaignId: string, lockId: string): void;
  /** Keeps an eye on the campaign's locks until the returned function is called, so that their expiry is a change. */
  attend(live: LiveCampaign): () => void;
  /** Whether somebody waits for the campaign's locks or watches them. */
  isAttended(campaignId: string): boolean;
  onLocks(live: LiveCampaign): void;
  stop(): void;
}

interface Attended {
  readonly live: LiveCampaign;
  readonly places: Map<string, (outcome: PlaceOutcome) => void>;
  watchers: number;
  cancelTick: (() => void) | undefined;
  keptAt: number;
}

/** A third of `LOCK_LIMITS.placeMs`. */
const KEEP_INTERVAL_MS = 3_000;
/** The shortest wait between two looks at one table, in milliseconds. */
const SHORTEST_TICK_MS = 20;

/**
 * Creates the queue of this instance's callers. The queue itself is in the lock table, in one order for all instances;
 * here are the promises of those who called here. Whoever has callers in a queue keeps their places, and gives the
 * locks on when one expires: several instances may do so at once, and one of them wins.
 */
export function createLockQueue(changes: LockChanges, clock: Clock, onFailure: (error: unknown) => void): LockQueue {
  const attended = new Map<string, Attended>();
  let stopped = false;

  const attend = (live: LiveCampaign): Attended => {
    const present = attended.get(live.id);
    if (present) return present;
    const campaign: Attended = { live, places: new Map(), watchers: 0, cancelTick: undefined, keptAt: clock.now() };
    attended.set(live.id, campaign);
    return campaign;
  };

  /** Sets the next look: at the next expiry, or when the places are to be kept. */
  const schedule = (campaign: Attended): void => {
    campaign.cancelTick?.();
    campaign.cancelTick = undefined;
    const { live, places, watchers } = campaign;
    if (places.size === 0 && watchers === 0) attended.delete(live.id);
    if (stopped || (places.size === 0 && watchers === 0)) return;
    const waits = live.locks.rows.map(({ expiresAt }) => expiresAt - changes.now() + 1);
    if (places.size > 0) waits.push(campaign.keptAt + KEEP_INTERVAL_MS - clock.now());
    if (waits.length === 0) return;
    campaign.cancelTick = clock.after(Math.max(SHORTEST_TICK_MS, Math.min(...waits)), () => void tick(campaign));
  };

  const tick = async (campaign: Attended): Promise<void> => {
    const { live, places } = campaign;
    const keep = places.size > 0 && clock.now() - campaign.keptAt >= KEEP_INTERVAL_MS;
    if (keep) campaign.keptAt = clock.now();
    try {
      if (keep) await changes.request(live.id, { type: 'keep-places', lockIds: [...places.keys()] });
      else if (live.locks.rows.some(({ expiresAt }) => expiresAt <= changes.now()))
        await changes.request(live.id, { type: 'grant-waiting' });
    } catch (error) {
      onFailure(error);
    }
    schedule(campaign);
  };

  const onLocks = (live: LiveCampaign): void => {
    const campaign = attended.get(live.id);
    if (!campaign) return;
    for (const [lockId, settle] of campaign.places) {
      const row = live.locks.rows.find((each) => each.lockId === lockId);
      if (row?.state !== 'waiting') settle({ kind: 'settled', table: live.locks });
    }
    schedule(campaign);
  };

  return {
    wait(live, lockId, timeoutMs, signal) {
      const campaign = attend(live);
      return new Promise((resolve) => {
        const settle = (outcome: PlaceOutcome): void => {
          cancelTimeout();
          signal?.removeEventListener('abort', onAbort);
          campaign.places.delete(lockId);
          schedule(campaign);
          resolve(outcome);
        };
        const onAbort = (): void => settle({ kind: 'aborted' });
        const cancelTimeout = clock.after(timeoutMs, () => settle({ kind: 'timeout' }));
        campaign.places.set(lockId, settle);
        signal?.addEventListener('abort', onAbort, { once: true });
        if (signal?.aborted === true) onAbort();
        else if (stopped) settle({ kind: 'stopped' });
        else onLocks(live);
      });
    },

    giveUp: (campaignId, lockId) => attended.get(campaignId)?.places.get(lockId)?.({ kind: 'aborted' }),

    attend(live) {
      const campaign = attend(live);
      campaign.watchers += 1;
      schedule(campaign);
      let over = false;
      return () => {
        if (over) return;
        over = true;
        campaign.watchers -= 1;
        schedule(campaign);
      };
    },

    isAttended: (campaignId) => attended.has(campaignId),
    onLocks,

    stop() {
      stopped = true;
      for (const campaign of attended.values()) {
        campaign.cancelTick?.();
        for (const settle of campaign.places.values()) settle({ kind: 'stopped' });
      }
    },
  };
}
