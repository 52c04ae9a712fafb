import { RefusalError } from '../../core/errors.ts';

/** The place of one connection that stays open, among those of its caller. */
export interface CallerPlace {
  /**
   * Counts the connection for another caller from now on: for a token's in place of its address.
   *
   * @returns false where that caller has all of its connections; the place is then what it was
   */
  moveTo(caller: string): boolean;
  /** Gives the place up. Idempotent. */
  release(): void;
}

/** Places of connections that stay open (ws, SSE): the bound on their number by caller. */
export interface CallerPlaces {
  /** Takes a place of that caller; `undefined` where all are taken. */
  take(caller: string): CallerPlace | undefined;
  /** The refusal of a connection for which its caller has no place left. */
  refusal(): RefusalError;
}

/** The key of a caller with a valid token. */
export function callerKey(id: string): string {
  return `id ${id}`;
}

/** The key of callers without a valid token. */
export function addressKey(address: string): string {
  return `address ${address}`;
}

/**
 * @param limit how many connections one caller may have open
 * @param onRefused called for each connection that was refused
 */
export function createCallerPlaces(limit: number, onRefused: () => void): CallerPlaces {
  const taken = new Map<string, number>();

  function enter(caller: string): boolean {
    const count = taken.get(caller) ?? 0;
    if (count >= limit) {
      onRefused();
      return false;
    }
    taken.set(caller, count + 1);
    return true;
  }

  function leave(caller: string): void {
    const count = taken.get(caller) ?? 0;
    if (count > 1) taken.set(caller, count - 1);
    else taken.delete(caller);
  }

  return {
    take(caller) {
      if (!enter(caller)) return undefined;
      let current: string | undefined = caller;
      return {
        moveTo(next) {
          if (current === undefined || next === current) return true;
          if (!enter(next)) return false;
          leave(current);
          current = next;
          return true;
        },
        release() {
          if (current !== undefined) leave(current);
          current = undefined;
        },
      };
    },
    refusal: () =>
      new RefusalError(
        'RATE_LIMITED',
        `One caller may have at most ${limit} connections open on this server (CAMPAIGN_MAX_CONNECTIONS_PER_CALLER)`,
        { limit, retryAfterMs: 5_000 },
      ),
  };
}
