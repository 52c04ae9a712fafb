import type { AccessKeys } from '../../access/access-keys.ts';
import type { Viewer } from '../../core/document/targeting-fields.ts';
import type { Refusal } from '../../core/errors.ts';
import type { Identity } from '../../core/permissions.ts';
import type { Origin } from '../../core/stream/origin.ts';
import type { CampaignService, Reader } from '../../engine/service.ts';
import type { AuditService } from '../../audit/audit-service.ts';
import type { SnapshotService } from '../../snapshot/snapshot-service.ts';
import type { RelaySettings } from '../../core/stream/replica.ts';
import type { Transport } from './connection-slots.ts';
import type { OrderLane } from './order-lane.ts';
import type { RelayedCallers } from './relayed-callers.ts';
import type { Upstream } from './upstream.ts';

/** Version of the contract between clients and servers; a client of another version is refused for good. */
export const CONTRACT = '1';

/** One ws socket, or one http request. Implemented by `CallerConnection` (`connection.ts`). */
export interface Connection extends Reader {
  /** Whether events are pushed to it as ws frames of their own, beside tRPC's. */
  readonly acceptsFrames: boolean;
  writeFrame(frame: Uint8Array): void;
  /** Level at which events are compressed for it, 1 to 9; 0: its client takes none of that, or the server does not. */
  readonly deflateLevel: number;
  /** Whether no call of it waits for its answer. Subscriptions are no such calls. */
  readonly isQuiet: boolean;
  /** Aborted when a ws socket closes; missing for http requests, whose end tRPC signals to each call. */
  readonly closed: AbortSignal | undefined;
  /** Whether an answer can be sent: the socket is open, and its client reads. */
  readonly isWritable: boolean;
  /** Order in which this connection's mutations arrived. */
  readonly lane: OrderLane;
  /**
   * The caller.
   *
   * @throws RefusalError where the connection was not admitted, or its token has expired
   */
  admitted(): Identity;
  /** Whether {@link admitted} would return an identity now. */
  isAdmitted(): boolean;
  /** Whether it is that of a relay: a budget of its own pays for what it does, and for what it forwards. */
  readonly isRelay: boolean;
  /** Milliseconds until the budget of the relay that it is allows more work; 0 where it is none. */
  relayWaitMs(): number;
  /** Its caller relays: counts for those that may, over ws. */
  becomeRelay(): void;
  /** Where its calls come from, for the audit. */
  origin(): Origin;
  /** The caller's id, for the log; `undefined` where the connection was not admitted. */
  actor(): string | undefined;
  /**
   * Replaces the caller's rights, for later calls and for the subscriptions of this connection.
   *
   * @throws RefusalError `UPGRADE_REQUIRED` where no rights would help, `RATE_LIMITED` where the new caller has all of
   *   its connections
   */
  replaceIdentity(identity: Identity): void;
  /**
   * Replaces the viewer that its streams, and calls that name none, are judged by.
   *
   * @returns false for an http request, which has no later calls
   */
  setViewer(viewer: Viewer | undefined): boolean;
  /**
   * Counts the weight of mutations against the rate limit; `undefined` where there is none.
   *
   * @throws RefusalError where the caller is not admitted, or `RATE_LIMITED` by the promise
   */
  spend(weight: number): Promise<void> | undefined;
  /**
   * Refuses a mutation while the rate is passed: so much is known before it is read, whatever it weighs.
   *
   * @throws RefusalError `RATE_LIMITED`
   */
  refuseBeyondRate(): void;
  /** Milliseconds for which what a ws connection sends waits, because it goes on sending beyond the rate; else 0. */
  rateWaitMs(): number;
  /** Counts events of analytics against a limit of their own; rejects with `RATE_LIMITED`. */
  spendEvents(count: number): Promise<void>;
  /** Key under which fair turns are shared: the caller's id, or the address of a caller without a valid token. */
  readonly payer: string;
  /** About what a message of this connection costs, in points. */
  readonly messagePrice: number;
  /** Milliseconds until the budgets allow more work; 0 where they do now. */
  waitMs(): number;
  /**
   * Charges a call that begins. Over http it also waits for the call's turn; over ws its message had it.
   *
   * @throws RefusalError `RATE_LIMITED` for an http call whose caller has to wait
   */
  startCall(points: number): Promise<void> | undefined;
  /** The client of an http request has gone: its calls that wait for their turn are refused, and hold nothing. */
  leave(): void;
  /** Charges work to the connection and its payer, in points (`work-budget.ts`). */
  charge(points: number): void;
  /** Charges it alone: the relay that it comes through does not pay. */
  chargeAlone(points: number): void;
  /** Charges the budget of the relay that it is. */
  chargeAsRelay(points: number): void;
  /**
   * Charges the bytes of a ws message or of an http body.
   *
   * @param calls those that the body is of
   */
  chargeInput(bytes: number, calls?: number): void;
  /** Charges the bytes of an answer. */
  chargeAnswer(bytes: number): void;
  /** Whether it is an http request with several calls, whose answers are encoded together. */
  readonly isBatch: boolean;
  /**
   * Adds the bytes of an answer to those of its batch.
   *
   * @throws RefusalError `TOO_LARGE` beyond the limit
   */
  addToBatch(bytes: number): void;
  /** Charges a refusal; a connection that is not admitted is closed after a few. */
  chargeRefusal(): void;
  /**
   * Counts a call as pending until {@link endCall}.
   *
   * @throws RefusalError `RATE_LIMITED` beyond the limit, where it is not counted
   */
  beginCall(): void;
  endCall(): void;
  /**
   * Counts a subscription as open until the returned function is called.
   *
   * @throws RefusalError `RATE_LIMITED` beyond the limit
   */
  beginSubscription(): () => void;
}

/** Log record of one call, made when it is over. It holds no payload. */
export interface CallReport {
  readonly path: string;
  readonly type: 'query' | 'mutation' | 'subscription';
  readonly campaignId: string | undefined;
  readonly actor: string | undefined;
  readonly origin: Origin;
  readonly correlationId: string;
  /** The API key that was made or revoked. */
  readonly key?: { readonly id: string; readonly expiresAt?: number | undefined } | undefined;
  readonly milliseconds: number;
  readonly outcome:
    | { readonly kind: 'ok' }
    | { readonly kind: 'refused'; readonly refusal: Refusal }
    | { readonly kind: 'failed'; readonly error: unknown };
}

/** Answer of `system.info`. */
export interface SystemInfo {
  readonly defaultCampaignId: string | undefined;
  /** Token of the process that answers: random, another one after every start. */
  readonly instance: string;
  readonly version: string;
  readonly contract: typeof CONTRACT;
}

/** Context of every procedure. Ports and domain types only: this type is part of the SDK's declarations. */
export interface Context {
  readonly service: CampaignService;
  readonly connection: Connection;
  /** API keys; `undefined` where the archive stores none. */
  readonly accessKeys: AccessKeys | undefined;
  /** Snapshots and restores; `undefined` where there is no archive, or one that moves no histories. */
  readonly snapshots: SnapshotService | undefined;
  /** The audit; `undefined` likewise. */
  readonly audit: AuditService | undefined;
  readonly instance: string;
  readonly version: string;
  /** Connections to this process that stay open. */
  readonly openConnections: Readonly<Record<Transport, number>>;
  /** From the request's header; a call without one gets an id of its own. */
  readonly correlationId: string | undefined;
  /** The identity that a token stands for; rejects with `UNAUTHORIZED`. `isRecheck`: it was shown before. */
  authenticate(token: string, isRecheck?: boolean): Promise<Identity>;
  report(call: CallReport): void;
  /** What relays of this server are told of it. */
  readonly relaySettings: RelaySettings;
  /** Callers of the relay that this connection is; `undefined` for any other. */
  relayed(): RelayedCallers | undefined;
  /** Where this server is a relay: the server that it stands before. */
  readonly upstream: Upstream | undefined;
  /** Whether calls are answered without tRPC's chain of middlewares (`procedures/direct-calls.ts`). */
  readonly directCalls: boolean;
}
