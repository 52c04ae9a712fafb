import { RefusalError } from '../../core/errors.ts';
import type { Connection } from './context.ts';

/** The place of one connection that stays open, among those of its caller. */
export interface CallerPlace {
  /** The connection, once there is one. */
  connection: Connection | undefined;
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
  /** The connections that have a place. */
  connections(): Iterable<Connection>;
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
  return new Places(limit, onRefused);
}

class Places implements CallerPlaces {
  readonly #limit: number;
  readonly #onRefused: () => void;
  readonly #taken = new Map<string, number>();
  readonly places = new Set<CallerPlace>();

  constructor(limit: number, onRefused: () => void) {
    this.#limit = limit;
    this.#onRefused = onRefused;
  }

  take(caller: string): CallerPlace | undefined {
    if (!this.enter(caller)) return undefined;
    const place = new Place(this, caller);
    this.places.add(place);
    return place;
  }

  *connections(): Iterable<Connection> {
    for (const { connection } of this.places) if (connection) yield connection;
  }

  refusal(): RefusalError {
    return new RefusalError(
      'RATE_LIMITED',
      `One caller may have at most ${this.#limit} connections open on this server (CAMPAIGN_MAX_CONNECTIONS_PER_CALLER)`,
      { limit: this.#limit, retryAfterMs: 5_000 },
    );
  }

  enter(caller: string): boolean {
    const count = this.#taken.get(caller) ?? 0;
    if (count >= this.#limit) {
      this.#onRefused();
      return false;
    }
    this.#taken.set(caller, count + 1);
    return true;
  }

  leave(caller: string): void {
    const count = this.#taken.get(caller) ?? 0;
    if (count > 1) this.#taken.set(caller, count - 1);
    else this.#taken.delete(caller);
  }
}

/** A class, because there is one per socket: methods on a prototype cost none of them memory. */
class Place implements CallerPlace {
  connection: Connection | undefined;
  readonly #places: Places;
  #caller: string | undefined;

  constructor(places: Places, caller: string) {
    this.#places = places;
    this.#caller = caller;
  }

  moveTo(next: string): boolean {
    if (this.#caller === undefined || next === this.#caller) return true;
    if (!this.#places.enter(next)) return false;
    this.#places.leave(this.#caller);
    this.#caller = next;
    return true;
  }

  release(): void {
    if (this.#caller === undefined) return;
    this.#places.leave(this.#caller);
    this.#places.places.delete(this);
    this.#caller = undefined;
  }
}

/** An address that a relay has told, among those of others: a key for budgets and places. */
export function relayedAddress(via: string, address: string): string {
  return `${address} via ${via}`;
}
