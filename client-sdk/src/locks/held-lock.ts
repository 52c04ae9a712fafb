import type { GrantedLock } from '../../../server/core/locks/lock-view.ts';
import type { Clock } from '../clock.ts';
import { CampaignError, readFailure } from '../errors.ts';
import { sendBeacon } from '../link/beacon.ts';
import type { Connection } from '../link/connection.ts';
import { callUntilAnswered } from '../link/direct-call.ts';
import type { HeldLock, LockOptions } from '../types.ts';
import { ownLocks } from './own-locks.ts';

/** The calls about one lock: of a part of a campaign, or of a job. */
export interface LockCalls {
  /** @param options with the id of the lock, the same for each attempt */
  readonly acquire: (asked: AskedLock, wait: boolean) => Promise<GrantedLock>;
  readonly steal: (asked: AskedLock) => Promise<GrantedLock>;
  readonly renew: (lock: { readonly lockId: string; readonly fence: number }) => Promise<unknown>;
  readonly release: (lockId: string) => Promise<unknown>;
  /** The input of `lock.release`, for a page that is being left. */
  readonly releaseInput: (lockId: string) => object;
}

export interface AskedLock {
  readonly lockId: string;
  readonly ttlMs: number;
  readonly note?: string;
}

export interface HeldLockParts {
  readonly connection: Connection;
  readonly clock: Clock;
  readonly calls: LockCalls;
}

/** A lock that this page holds, with the answer that granted it. */
export interface GrantedHeldLock extends HeldLock {
  readonly granted: GrantedLock;
}

const DEFAULT_TTL_MS = 30_000;
/** Wait before a renewal that was not answered is tried again, in milliseconds. */
const RETRY_MS = 1_000;

/**
 * Acquires a lock, and keeps it.
 *
 * @param ended nobody waits for it any more: what is granted then is given up again
 * @param onEnd it is not held any more: lost, or released
 */
export async function holdLock(
  { connection, clock, calls }: HeldLockParts,
  { ttl = DEFAULT_TTL_MS, note, wait = false, steal = false }: LockOptions,
  ended: AbortSignal,
  onEnd: (lockId: string) => void = () => {},
): Promise<GrantedHeldLock> {
  if (ended.aborted) throw givenUp();
  const lockId = clock.id();
  ownLocks.add(lockId);
  const asked = { ttlMs: ttl, lockId, ...(note !== undefined && { note }) };
  const giveUp = (): void => {
    ownLocks.delete(lockId);
    calls.release(lockId).catch(() => undefined);
  };
  ended.addEventListener('abort', giveUp);
  // The same id each time: an attempt whose answer was lost is found, and leaves no lock behind.
  const granted = await callUntilAnswered(
    connection,
    clock,
    () => (steal ? calls.steal(asked) : calls.acquire(asked, wait)),
    ended,
  )
    .catch((refusal: unknown) => {
      ownLocks.delete(lockId);
      throw refusal;
    })
    .finally(() => ended.removeEventListener('abort', giveUp));
  if (!ended.aborted) return keepLock(granted, { connection, clock, calls }, onEnd);
  giveUp();
  throw givenUp();
}

/** Renews a lock until it is lost or released, while the page is visible. */
function keepLock(
  granted: GrantedLock,
  { connection, clock, calls }: HeldLockParts,
  onEnd: (lockId: string) => void,
): GrantedHeldLock {
  const { lockId, fence, ttlMs } = granted;
  const lost = Promise.withResolvers<CampaignError>();
  const stop = new AbortController();
  /** Until when it is held for certain, by this page's clock, if its clock does not jump; the server knows better. */
  let until = clock.now() + granted.expiresAt - granted.now;
  let isHeld = true;
  let cancelTimer = () => {};

  function end(error?: CampaignError): void {
    cancelTimer();
    stop.abort();
    isHeld = false;
    ownLocks.delete(lockId);
    onEnd(lockId);
    if (error) lost.resolve(error);
  }

  function schedule(afterMs: number): void {
    cancelTimer();
    // Not later than it ends, so that its end is noticed when it comes.
    if (isHeld) cancelTimer = clock.after(Math.max(0, Math.min(afterMs, until - clock.now())), renew);
  }

  function renew(): void {
    if (clock.now() >= until) return end(expired());
    if (!isVisible()) return schedule(ttlMs);
    cancelTimer();
    const sentAt = clock.now();
    calls.renew({ lockId, fence }).then(
      () => {
        until = Math.max(until, sentAt + ttlMs);
        schedule(ttlMs / 3);
      },
      (thrown: unknown) => {
        const { kind, error } = readFailure(thrown);
        if (kind === 'refused' && !error.retryable) end(error);
        else schedule(RETRY_MS);
      },
    );
    // Without an answer its end comes all the same.
    schedule(ttlMs);
  }

  /** Both ways: the one may not be flushed any more, and the other is not open to every page. */
  function leave(): void {
    const { url, token } = connection.beacon();
    if (url !== undefined) sendBeacon({ url, token }, 'lock.release', calls.releaseInput(lockId));
    calls.release(lockId).catch(() => undefined);
  }

  onPage(stop.signal, { shown: renew, left: leave });
  schedule(ttlMs / 3);
  return {
    granted,
    lockId,
    fence,
    lost: lost.promise,
    async release() {
      if (!isHeld) return;
      end();
      // Where that is not answered, it ends by itself.
      await calls.release(lockId).catch((thrown: unknown) => {
        throw readFailure(thrown).error;
      });
    },
  };
}

/** Nobody hears of it. */
function givenUp(): CampaignError {
  return new CampaignError({ reason: 'UNAVAILABLE', message: 'It was given up' });
}

function expired(): CampaignError {
  const message = 'lock: it could not be renewed in time; others may have changed what it covered';
  return new CampaignError({ reason: 'LOCK_LOST', message, path: ['lock'] });
}

function isVisible(): boolean {
  return typeof document === 'undefined' || document.visibilityState !== 'hidden';
}

/** Calls back when the page is shown again, and when it is left. */
function onPage(signal: AbortSignal, { shown, left }: { readonly shown: () => void; readonly left: () => void }): void {
  if (typeof document === 'undefined' || typeof window === 'undefined') return;
  document.addEventListener('visibilitychange', () => isVisible() && shown(), { signal });
  window.addEventListener('pagehide', left, { signal });
}
