import { RefusalError } from '../../core/errors.ts';
import { hasExpired } from '../../core/permissions.ts';
import type { Identity } from '../../core/permissions.ts';
import { expired } from '../../engine/refusals.ts';
import type { Connection } from './context.ts';
import { API_LIMITS } from '../limits.ts';
import type { MutationRate } from './mutation-rate.ts';
import { createOrderLane } from './order-lane.ts';
import type { OrderLane } from './order-lane.ts';

/**
 * Outcome of admission. A connection that was refused stays open and answers every call with the reason, so that its
 * client can still send a better token and is not driven into reconnecting.
 */
export type AdmissionResult = { kind: 'admitted'; identity: Identity } | { kind: 'refused'; error: RefusalError };

/** Identity of a connection that was not admitted: it has no rights. */
const NO_RIGHTS: Identity = { id: 'nobody', grants: {} };

/** Outbound side of a connection: a ws socket, or the response to an http request. */
export interface OutboundChannel {
  /** Bytes accepted by the socket and not yet sent. */
  readonly unsent: number;
  /** Closes the socket at once. */
  disconnect(): void;
  /** Writes a ws frame beside tRPC's; missing where the channel has no frames. */
  writeFrame?(frame: Uint8Array): void;
}

/** What all connections of a server share. */
export interface ConnectionEnvironment {
  readonly rate: MutationRate;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Called with 1 when a call begins and with -1 when it ends. */
  readonly onCall: (change: 1 | -1) => void;
  /** Whether events are pushed to channels that can write frames (`CAMPAIGN_FANOUT=rooms`). */
  readonly rooms: boolean;
}

export interface ConnectionOptions {
  readonly admission: AdmissionResult;
  readonly channel: OutboundChannel;
  /** Aborted when a ws socket closes; missing for http requests. */
  readonly closed: AbortSignal | undefined;
  /** Key under which the rate limit counts this connection's mutations; `undefined`: the caller's id. */
  readonly rateKey: string | undefined;
}

/** The state of one ws socket or one http request: identity, order of mutations, open calls and subscriptions. */
export function createConnection(environment: ConnectionEnvironment, options: ConnectionOptions): Connection {
  return new CallerConnection(environment, options);
}

/** A class, because there is one per socket: methods on a prototype cost none of them memory. */
class CallerConnection implements Connection {
  readonly closed: AbortSignal | undefined;
  readonly #environment: ConnectionEnvironment;
  readonly #channel: OutboundChannel;
  readonly #rateKey: string | undefined;
  #admission: AdmissionResult;
  #listeners: Set<() => void> | undefined;
  #lane: OrderLane | undefined;
  #calls = 0;
  #subscriptions = 0;

  constructor(environment: ConnectionEnvironment, { admission, channel, closed, rateKey }: ConnectionOptions) {
    this.closed = closed;
    this.#environment = environment;
    this.#channel = channel;
    this.#rateKey = rateKey;
    this.#admission = admission;
  }

  get acceptsFrames(): boolean {
    return this.#environment.rooms && this.#channel.writeFrame !== undefined;
  }

  writeFrame(frame: Uint8Array): void {
    this.#channel.writeFrame?.(frame);
  }

  bufferedBytes(): number {
    return this.#channel.unsent;
  }

  disconnect(): void {
    this.#channel.disconnect();
  }

  /** Made when it is needed: most connections only subscribe. */
  get lane(): OrderLane {
    return (this.#lane ??= createOrderLane());
  }

  /**
   * Asked by every call, so that an expired token ends calls on a live connection. Its subscriptions end by
   * `rights-watch.ts`, which asks `identity()`.
   */
  admitted(): Identity {
    if (this.#admission.kind === 'refused') throw this.#admission.error;
    if (hasExpired(this.#admission.identity, this.#environment.now())) throw expired();
    return this.#admission.identity;
  }

  identity(): Identity {
    return this.#admission.kind === 'admitted' ? this.#admission.identity : NO_RIGHTS;
  }

  actor(): string | undefined {
    return this.#admission.kind === 'admitted' ? this.#admission.identity.id : undefined;
  }

  replaceIdentity(next: Identity): void {
    // Another token does not make a client understand this server.
    if (this.#admission.kind === 'refused' && this.#admission.error.refusal.reason === 'UPGRADE_REQUIRED')
      throw this.#admission.error;
    this.#admission = { kind: 'admitted', identity: next };
    for (const listener of this.#listeners ?? []) listener();
  }

  onIdentity(callback: () => void): () => void {
    const listeners = (this.#listeners ??= new Set());
    listeners.add(callback);
    return () => listeners.delete(callback);
  }

  async spend(mutations: number): Promise<void> {
    const { id } = this.admitted();
    await this.#environment.rate(this.#rateKey ?? `http ${id}`, mutations);
  }

  beginCall(): () => void {
    refuseBeyond(this.#calls, API_LIMITS.pendingCalls, 'calls may wait for their answer on one connection');
    const { onCall } = this.#environment;
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
