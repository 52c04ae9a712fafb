import { RefusalError } from '../../core/errors.ts';
import { hasExpired } from '../../core/permissions.ts';
import type { Identity } from '../../core/permissions.ts';
import type { Connection } from './context.ts';
import { API_LIMITS } from '../limits.ts';
import type { MutationRate } from './mutation-rate.ts';
import { createOrderLane } from './order-lane.ts';
import type { OrderLane } from './order-lane.ts';

/**
 * Whether a connection was let in. One that was not stays open and answers every call with the reason, so that a client
 * can still bring a better token, and is not driven into reconnecting.
 */
export type Access = { kind: 'admitted'; identity: Identity } | { kind: 'refused'; error: RefusalError };

/** Who was not let in has no right to anything. */
const NOBODY: Identity = { id: 'nobody', grants: {} };

/** What a connection is made of: a ws socket, or the response to an http request. */
export interface Transport {
  /** Bytes accepted by the socket and not yet sent. */
  readonly unsent: number;
  /** Gives the socket up. */
  disconnect(): void;
  /** Writes a frame of its own, beside tRPC's. */
  writeFrame?(frame: Uint8Array): void;
}

/** What all connections of a server share. */
export interface ConnectionSurroundings {
  rate: MutationRate;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Told of every call that begins (1) or ends (-1). */
  readonly onCall: (change: 1 | -1) => void;
  /** Whether events are pushed by rooms where the transport can write frames. */
  rooms: boolean;
}

export interface ConnectionOptions {
  access: Access;
  transport: Transport;
  closed: AbortSignal | undefined;
  /** Under which the rate limit counts this connection's mutations; `undefined`: under the caller's id. */
  rateKey: string | undefined;
}

/** The state of one ws socket or one http request. */
export function createConnection(surroundings: ConnectionSurroundings, options: ConnectionOptions): Connection {
  return new CallerConnection(surroundings, options);
}

/** A class, because there are as many as sockets: methods on a prototype cost each of them nothing. */
class CallerConnection implements Connection {
  readonly closed: AbortSignal | undefined;
  readonly #surroundings: ConnectionSurroundings;
  readonly #transport: Transport;
  readonly #rateKey: string | undefined;
  #access: Access;
  #listeners: Set<() => void> | undefined;
  #lane: OrderLane | undefined;
  #calls = 0;
  #subscriptions = 0;

  constructor(surroundings: ConnectionSurroundings, { access, transport, closed, rateKey }: ConnectionOptions) {
    this.closed = closed;
    this.#surroundings = surroundings;
    this.#transport = transport;
    this.#rateKey = rateKey;
    this.#access = access;
  }

  get pushes(): boolean {
    return this.#surroundings.rooms && this.#transport.writeFrame !== undefined;
  }

  push(frame: Uint8Array): void {
    this.#transport.writeFrame?.(frame);
  }

  bufferedBytes(): number {
    return this.#transport.unsent;
  }

  disconnect(): void {
    this.#transport.disconnect();
  }

  /** Most connections only listen. */
  get lane(): OrderLane {
    return (this.#lane ??= createOrderLane());
  }

  admitted(): Identity {
    if (this.#access.kind === 'refused') throw this.#access.error;
    if (hasExpired(this.#access.identity, this.#surroundings.now()))
      throw new RefusalError('UNAUTHORIZED', 'The token has expired');
    return this.#access.identity;
  }

  identity(): Identity {
    return this.#access.kind === 'admitted' ? this.#access.identity : NOBODY;
  }

  actor(): string | undefined {
    return this.#access.kind === 'admitted' ? this.#access.identity.id : undefined;
  }

  replaceIdentity(next: Identity): void {
    // Another token does not make a client understand this server.
    if (this.#access.kind === 'refused' && this.#access.error.refusal.reason === 'UPGRADE_REQUIRED')
      throw this.#access.error;
    this.#access = { kind: 'admitted', identity: next };
    for (const listener of this.#listeners ?? []) listener();
  }

  onIdentity(callback: () => void): () => void {
    const listeners = (this.#listeners ??= new Set());
    listeners.add(callback);
    return () => listeners.delete(callback);
  }

  async spend(mutations: number): Promise<void> {
    const { id } = this.admitted();
    await this.#surroundings.rate(this.#rateKey ?? `http ${id}`, mutations);
  }

  beginCall(): () => void {
    refuseBeyond(this.#calls, API_LIMITS.pendingCalls, 'calls may wait for their answer on one connection');
    const { onCall } = this.#surroundings;
    this.#calls += 1;
    onCall(1);
    return once(() => {
      this.#calls -= 1;
      onCall(-1);
    });
  }

  beginSubscription(): () => void {
    refuseBeyond(this.#subscriptions, API_LIMITS.subscriptions, 'subscriptions may be open on one connection');
    this.#subscriptions += 1;
    return once(() => {
      this.#subscriptions -= 1;
    });
  }
}

function refuseBeyond(count: number, limit: number, what: string): void {
  if (count >= limit) throw new RefusalError('RATE_LIMITED', `At most ${limit} ${what}`, { limit });
}

function once(action: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    action();
  };
}
