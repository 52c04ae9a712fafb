import type { LockTable } from '../../core/locks/lock-table.ts';
import type { Clock } from '../ports.ts';
import type { LockChanges } from './lock-changes.ts';
import type { Lockable } from './lockable.ts';

/** What a place in the queue has come to: the table that grants it, or one in which the place is missing. */
export type PlaceOutcome =
  | { readonly kind: 'settled'; readonly table: LockTable }
  | { readonly kind: 'aborted' | 'timeout' | 'stopped' | 'gone' };

/** The places in queues that callers of this instance wait for, and what locks are watched here. */
export interface LockQueue {
  /** Waits until a place is granted or gone. */
  wait(on: Lockable, lockId: string, timeoutMs: number, signal: AbortSignal | undefined): Promise<PlaceOutcome>;
  /** Ends the waiting for a place that was given up. */
  giveUp(id: string, lockId: string): void;
  /** Keeps an eye on these locks until the returned function is called, so that their expiry is a change. */
  attend(on: Lockable): () => void;
  /** Whether somebody waits for these locks or watches them. */
  isAttended(id: string): boolean;
  onLocks(on: Lockable): void;
  stop(): void;
}

interface Attended {
  readonly on: Lockable;
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

  const attend = (on: Lockable): Attended => {
    const present = attended.get(on.id);
    if (present) return present;
    const entry: Attended = { on, places: new Map(), watchers: 0, cancelTick: undefined, keptAt: clock.now() };
    attended.set(on.id, entry);
    return entry;
  };

  /** Sets the next look: at the next expiry, or when the places are to be kept. */
  const schedule = (entry: Attended): void => {
    entry.cancelTick?.();
    entry.cancelTick = undefined;
    const { on, places, watchers } = entry;
    if (places.size === 0 && watchers === 0 && attended.get(on.id) === entry) attended.delete(on.id);
    if (stopped || on.gone || (places.size === 0 && watchers === 0)) return;
    const waits = on.locks.rows.map(({ expiresAt }) => expiresAt - changes.now() + 1);
    if (places.size > 0) waits.push(entry.keptAt + KEEP_INTERVAL_MS - clock.now());
    if (waits.length === 0) return;
    entry.cancelTick = clock.after(Math.max(SHORTEST_TICK_MS, Math.min(...waits)), () => void tick(entry));
  };

  const tick = async (entry: Attended): Promise<void> => {
    const { on, places } = entry;
    const keep = places.size > 0 && clock.now() - entry.keptAt >= KEEP_INTERVAL_MS;
    if (keep) entry.keptAt = clock.now();
    try {
      if (keep) await changes.request(on.id, { type: 'keep-places', lockIds: [...places.keys()] });
      else if (on.locks.rows.some(({ expiresAt }) => expiresAt <= changes.now()))
        await changes.request(on.id, { type: 'grant-waiting' });
    } catch (error) {
      onFailure(error);
    }
    schedule(entry);
  };

  const onLocks = (on: Lockable): void => {
    const entry = attended.get(on.id);
    if (entry?.on !== on) return;
    if (on.gone) {
      attended.delete(on.id);
      entry.cancelTick?.();
      for (const settle of entry.places.values()) settle({ kind: 'gone' });
      return;
    }
    for (const [lockId, settle] of entry.places) {
      const row = on.locks.rows.find((each) => each.lockId === lockId);
      if (row?.state !== 'waiting') settle({ kind: 'settled', table: on.locks });
    }
    schedule(entry);
  };

  return {
    wait(on, lockId, timeoutMs, signal) {
      const entry = attend(on);
      return new Promise((resolve) => {
        const settle = (outcome: PlaceOutcome): void => {
          cancelTimeout();
          signal?.removeEventListener('abort', onAbort);
          entry.places.delete(lockId);
          schedule(entry);
          resolve(outcome);
        };
        const onAbort = (): void => settle({ kind: 'aborted' });
        const cancelTimeout = clock.after(timeoutMs, () => settle({ kind: 'timeout' }));
        entry.places.set(lockId, settle);
        signal?.addEventListener('abort', onAbort, { once: true });
        if (on.gone) settle({ kind: 'gone' });
        else if (signal?.aborted === true) onAbort();
        else if (stopped) settle({ kind: 'stopped' });
        else onLocks(on);
      });
    },

    giveUp: (id, lockId) => attended.get(id)?.places.get(lockId)?.({ kind: 'aborted' }),

    attend(on) {
      const entry = attend(on);
      entry.watchers += 1;
      schedule(entry);
      let over = false;
      return () => {
        if (over) return;
        over = true;
        entry.watchers -= 1;
        schedule(entry);
      };
    },

    isAttended: (id) => attended.has(id),
    onLocks,

    stop() {
      stopped = true;
      for (const entry of attended.values()) {
        entry.cancelTick?.();
        for (const settle of entry.places.values()) settle({ kind: 'stopped' });
      }
    },
  };
}
