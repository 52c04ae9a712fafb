import { CLOSE_CODES } from '../../core/close-codes.ts';
import type { CloseCode } from '../../core/close-codes.ts';
import { RefusalError } from '../../core/errors.ts';
import { hasExpired, isRelay } from '../../core/permissions.ts';
import type { Identity } from '../../core/permissions.ts';
import type { Origin } from '../../core/stream/origin.ts';
import { accessKeyOf } from '../../access/access-keys.ts';
import type { Viewer } from '../../core/document/targeting-fields.ts';
import { expired } from '../../engine/refusals.ts';
import type { NamedViewer } from '../../engine/service.ts';
import { BACKPRESSURE_MAX_SOCKET_BYTES } from '../../engine/streams/backpressure.ts';
import { callerKey, relayedAddress, type CallerPlace, type CallerPlaces } from './caller-places.ts';
import type { Connection } from './context.ts';
import { API_LIMITS } from '../limits.ts';
import type { FairTurns, InboundSource } from './fair-turns.ts';
import type { MutationRate } from './mutation-rate.ts';
import { createOrderLane } from './order-lane.ts';
import type { OrderLane } from './order-lane.ts';
import { PassedRate } from './passed-rate.ts';
import { PRICES, priceOfBytes, priceOfInput } from './work-budget.ts';
import type { WorkBudgets } from './work-budget.ts';

/**
 * Outcome of admission. A connection that was refused stays open and answers every call with the reason, so that its
 * client can still send a better token and is not driven into reconnecting.
 */
export type AdmissionResult = { kind: 'admitted'; identity: Identity } | { kind: 'refused'; error: RefusalError };

/** Identity of a connection that was not admitted: it has no rights. */
const NO_RIGHTS: Identity = { id: 'nobody', grants: {} };

/**
 * Outbound side of a connection: a ws socket (`transport/ws/server-socket.ts`), or the response to an http request
 * (`transport/admission.ts`).
 */
export interface OutboundChannel {
  /** Bytes accepted by the socket and not yet sent. */
  readonly unsent: number;
  /** Closes the socket at once. */
  disconnect(): void;
  /** Writes a ws frame beside tRPC's; missing where the channel has no frames. */
  writeFrame?(frame: Uint8Array): void;
  /** Level at which events are compressed; missing or 0: they are not. */
  readonly deflateLevel?: number;
  /** Closes a ws connection with a code; missing for http. */
  reject?(code: CloseCode): void;
}

/** What all connections of a server share. */
export interface ConnectionEnvironment {
  readonly rate: MutationRate;
  /** Limit of events of analytics. */
  readonly eventRate: MutationRate;
  readonly budgets: WorkBudgets;
  readonly turns: FairTurns;
  readonly places: CallerPlaces;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Called with 1 when a call begins and with -1 when it ends. */
  readonly onCall: (change: 1 | -1) => void;
  /** Whether events are pushed to channels that can write frames (`CAMPAIGN_FANOUT=rooms`). */
  readonly rooms: boolean;
  /** Names this instance in the audit. */
  readonly instance: string;
  /** Whether the audit may hold network addresses. */
  readonly auditAddresses: boolean;
}

export interface ConnectionOptions {
  readonly admission: AdmissionResult;
  readonly channel: OutboundChannel;
  /** Aborted when a ws socket closes; missing for http requests. */
  readonly closed: AbortSignal | undefined;
  /** Key of a ws connection in the rate limit and the budget; `undefined`: http, which is counted by caller. */
  readonly rateKey: string | undefined;
  /** Whether it is an http request with several calls. */
  readonly isBatch?: boolean;
  /** Place of a connection that stays open among those of its caller; `undefined` for a request. */
  readonly place?: CallerPlace | undefined;
  readonly transport: Origin['transport'];
  /** Address of the client: it pays for callers without a valid token. */
  readonly address: string;
  /**
   * Id of the relay that it comes through; missing: through none. Its address is what that says, so that it counts as
   * one of that relay's.
   */
  readonly via?: string;
  /** The connection of that relay, which pays for its work too. */
  readonly relay?: Connection | undefined;
}

/** Price that a message is assumed to have before the first is known, in points. */
const FIRST_MESSAGE_PRICE = 8;

/** The state of one ws socket or one http request: identity, order of mutations, open calls and subscriptions. */
export function createConnection(environment: ConnectionEnvironment, options: ConnectionOptions): Connection {
  return new CallerConnection(environment, options);
}

/** A class, because there is one per socket: methods on a prototype cost none of them memory. */
class CallerConnection implements Connection, InboundSource {
  readonly closed: AbortSignal | undefined;
  readonly relay: Connection | undefined;
  readonly #environment: ConnectionEnvironment;
  readonly #channel: OutboundChannel;
  readonly #rateKey: string | undefined;
  readonly #address: string;
  readonly #via: string | undefined;
  readonly #transport: Origin['transport'];
  readonly #place: CallerPlace | undefined;
  #admission: AdmissionResult;
  #listeners: Set<() => void> | undefined;
  #viewer: NamedViewer | undefined;
  #lane: OrderLane | undefined;
  #calls = 0;
  #subscriptions = 0;
  #refusals = 0;
  readonly isBatch: boolean;
  #batchBytes = 0;
  #messagePrice = FIRST_MESSAGE_PRICE;
  /** Made when a mutation is refused by the rate: few connections ever have one. */
  #passedRate: PassedRate | undefined;
  /** Price of the bytes of each of its calls, where it is an http request; of ws messages their socket knows it. */
  #inputPrice = 0;
  /** One for all entries of one caller, which keep it. */
  #origin: Origin | undefined;
  /** Whether it has said that it relays. */
  #relays = false;
  /** Calls over http that wait for their turn. */
  #waitingCalls: WaitingCall[] | undefined;
  #hasLeft = false;

  constructor(
    environment: ConnectionEnvironment,
    { admission, channel, closed, rateKey, isBatch = false, address, via, relay, place, transport }: ConnectionOptions,
  ) {
    this.closed = closed;
    this.relay = relay;
    this.#environment = environment;
    this.#channel = channel;
    this.#rateKey = rateKey;
    this.#address = address;
    this.#via = via;
    this.#transport = transport;
    this.isBatch = isBatch;
    this.#place = place;
    const isFull = admission.kind === 'admitted' && !this.#moveTo(admission.identity);
    this.#admission = isFull ? { kind: 'refused', error: environment.places.refusal() } : admission;
  }

  /** Counts the connection for this identity; false where its caller has all of its connections. */
  #moveTo({ id, anonymous }: Identity): boolean {
    return anonymous === true || this.#place?.moveTo(callerKey(id)) !== false;
  }

  get acceptsFrames(): boolean {
    return this.#environment.rooms && this.#channel.writeFrame !== undefined;
  }

  get deflateLevel(): number {
    return this.#channel.deflateLevel ?? 0;
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

  get isWritable(): boolean {
    return this.closed?.aborted !== true && this.#channel.unsent <= BACKPRESSURE_MAX_SOCKET_BYTES;
  }

  /** Made when it is needed: most connections only subscribe. */
  get lane(): OrderLane {
    return (this.#lane ??= createOrderLane());
  }

  /**
   * The identity of an admitted caller. Every call asks for it, so that an expired token refuses new calls on a live
   * connection; its subscriptions end by `engine/streams/rights-watch.ts`, which asks `identity()`.
   *
   * @throws RefusalError where the caller is not admitted, or its token has expired
   */
  admitted(): Identity {
    if (this.#admission.kind === 'refused') throw this.#admission.error;
    if (hasExpired(this.#admission.identity, this.#environment.now())) throw expired();
    return this.#admission.identity;
  }

  isAdmitted(): boolean {
    return this.#admission.kind === 'admitted' && !hasExpired(this.#admission.identity, this.#environment.now());
  }

  get isRelay(): boolean {
    return this.#relays && this.isAdmitted() && isRelay(this.identity());
  }

  becomeRelay(): void {
    this.#relays = this.#rateKey !== undefined;
  }

  identity(): Identity {
    return this.#admission.kind === 'admitted' ? this.#admission.identity : NO_RIGHTS;
  }

  origin(): Origin {
    return (this.#origin ??= this.#makeOrigin());
  }

  #makeOrigin(): Origin {
    const { instance, auditAddresses } = this.#environment;
    const identity = this.identity();
    const token = accessKeyOf(identity) ?? identity.tokenId;
    return {
      instance,
      transport: this.#transport,
      ...(token !== undefined && { token }),
      ...(auditAddresses && { address: this.#address }),
    };
  }

  actor(): string | undefined {
    return this.#admission.kind === 'admitted' ? this.#admission.identity.id : undefined;
  }

  replaceIdentity(next: Identity): void {
    // Another token does not make a client understand this server.
    if (this.#admission.kind === 'refused' && this.#admission.error.refusal.reason === 'UPGRADE_REQUIRED')
      throw this.#admission.error;
    if (!this.#moveTo(next)) throw this.#environment.places.refusal();
    this.#admission = { kind: 'admitted', identity: next };
    this.#origin = undefined;
    for (const listener of this.#listeners ?? []) listener();
  }

  viewer(): NamedViewer | undefined {
    return this.#viewer;
  }

  setViewer(viewer: Viewer | undefined): boolean {
    if (this.#rateKey === undefined) return false;
    this.#viewer = { viewer, revision: (this.#viewer?.revision ?? 0) + 1 };
    for (const listener of this.#listeners ?? []) listener();
    return true;
  }

  onIdentity(callback: () => void): () => void {
    const listeners = (this.#listeners ??= new Set());
    listeners.add(callback);
    return () => listeners.delete(callback);
  }

  spend(weight: number): Promise<void> | undefined {
    const { id } = this.admitted();
    this.#expect(weight);
    return this.#environment.rate(this.#rateKey ?? `http ${id}`, id, weight)?.catch((error: unknown) => {
      if (error instanceof RefusalError) (this.#passedRate ??= new PassedRate()).onRefused(id, error.refusal);
      throw error;
    });
  }

  refuseBeyondRate(): void {
    this.#passedRate?.refuse(this.identity().id);
  }

  rateWaitMs(): number {
    return this.#passedRate?.waitMs() ?? 0;
  }

  async spendEvents(count: number): Promise<void> {
    // Visitors without a token have one id: each address counts for itself.
    await this.#environment.eventRate(this.#rateKey ?? `http ${this.payer}`, this.payer, count);
  }

  /** The caller's id, where there is a valid token that it comes from; else the address. */
  get payer(): string {
    if (this.#hasToken()) return this.identity().id;
    return this.#via === undefined ? this.#address : relayedAddress(this.#via, this.#address);
  }

  get messagePrice(): number {
    return this.#messagePrice + this.#inputPrice;
  }

  waitMs(): number {
    const { connections, callers, addresses } = this.#environment.budgets;
    const own = this.#rateKey === undefined ? 0 : connections.waitMs(this.#rateKey);
    return Math.max(own, (this.#hasToken() ? callers : addresses).waitMs(this.payer));
  }

  relayWaitMs(): number {
    return this.isRelay ? this.#environment.budgets.relays.waitMs(this.#rateKey ?? '') : 0;
  }

  startCall(points: number): Promise<void> | undefined {
    if (this.#hasLeft) throw clientHasLeft();
    const waitMs = this.#rateKey === undefined ? this.waitMs() : 0;
    this.charge(points);
    // The messages of a ws connection have had their turn, and have waited for the budget.
    if (this.#rateKey !== undefined || points === 0) return undefined;
    if (waitMs > 0) throw tooManyCalls(waitMs);
    const { turns } = this.#environment;
    if (turns.tryStart(this, 1)) return undefined;
    return new Promise((start, refuse) => {
      (this.#waitingCalls ??= []).push({ start, refuse });
      turns.wait(this);
    });
  }

  get isOpen(): boolean {
    return this.#waitingCalls !== undefined;
  }

  startNext(points: number): boolean {
    const waiting = this.#waitingCalls ?? [];
    const calls = Math.max(1, Math.floor(points / this.messagePrice));
    for (const call of waiting.splice(0, calls)) call.start();
    return waiting.length > 0;
  }

  leave(): void {
    this.#hasLeft = true;
    if (!this.#waitingCalls) return;
    this.#environment.turns.leave(this);
    for (const call of this.#waitingCalls.splice(0)) call.refuse(clientHasLeft());
  }

  /** What a message costs rises at once and falls slowly: the next slice must not be too large. */
  #expect(points: number): void {
    this.#messagePrice = Math.max(points, this.#messagePrice + (points - this.#messagePrice) / 16, 1);
  }

  charge(points: number): void {
    this.#expect(points);
    this.#pay(points);
  }

  chargeInput(bytes: number, calls?: number): void {
    if (calls !== undefined) this.#inputPrice = priceOfInput(bytes / Math.max(1, calls));
    this.#pay(priceOfInput(bytes));
  }

  #pay(points: number): void {
    if (points === 0) return;
    // Those whose calls it forwards pay for them too.
    if (this.isRelay) return this.chargeAsRelay(points);
    this.relay?.chargeAsRelay(points);
    this.chargeAlone(points);
  }

  chargeAsRelay(points: number): void {
    // Relays of one key, such as the workers of a process, do not pay for each other.
    this.#environment.budgets.relays.charge(this.#rateKey ?? '', points);
  }

  chargeAlone(points: number): void {
    const { connections, callers, addresses } = this.#environment.budgets;
    if (this.#rateKey !== undefined) connections.charge(this.#rateKey, points);
    (this.#hasToken() ? callers : addresses).charge(this.payer, points);
  }

  chargeAnswer(bytes: number): void {
    this.charge(priceOfBytes(bytes));
  }

  addToBatch(bytes: number): void {
    this.#batchBytes += bytes;
    const limit = API_LIMITS.batchAnswerBytes;
    if (this.#batchBytes > limit)
      throw new RefusalError('TOO_LARGE', `The answers of one batch may have at most ${limit} bytes`, { limit });
  }

  chargeRefusal(): void {
    this.charge(PRICES.refusal);
    if (this.isAdmitted()) return;
    this.#refusals += 1;
    if (this.#refusals === API_LIMITS.refusalsBeforeAdmission) this.#channel.reject?.(CLOSE_CODES.tooManyRefusals);
  }

  #hasToken(): boolean {
    return this.isAdmitted() && this.identity().anonymous !== true;
  }

  get isQuiet(): boolean {
    return this.#calls === 0;
  }

  beginCall(): void {
    const limit = this.isRelay ? API_LIMITS.relayCalls : API_LIMITS.pendingCalls;
    refuseBeyond(this.#calls, limit, 'calls may wait for their answer on one connection');
    this.#calls += 1;
    this.#environment.onCall(1);
  }

  endCall(): void {
    this.#calls -= 1;
    this.#environment.onCall(-1);
  }

  beginSubscription(): () => void {
    refuseBeyond(
      this.#subscriptions,
      this.isRelay ? API_LIMITS.relayCalls : API_LIMITS.subscriptions,
      'subscriptions may be open on one connection',
    );
    this.#subscriptions += 1;
    return once(() => {
      this.#subscriptions -= 1;
    });
  }
}

/** A call over http that waits for its turn. */
interface WaitingCall {
  start(): void;
  refuse(error: RefusalError): void;
}

/** Refusal of a call that was not begun when its client went away: nobody waits for its answer. */
function clientHasLeft(): RefusalError {
  return new RefusalError('UNAVAILABLE', 'The client has closed the connection before its call was begun');
}

/** Refusal of a caller whose budget is overdrawn. */
export function tooManyCalls(waitMs: number): RefusalError {
  return new RefusalError('RATE_LIMITED', 'Too many calls, or too large ones: this caller has to wait', {
    retryAfterMs: Math.ceil(waitMs),
  });
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
