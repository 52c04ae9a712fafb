import type { Refusal } from '../../core/errors.ts';
import type { Identity } from '../../core/permissions.ts';
import type { CampaignService, Reader } from '../../engine/service.ts';
import type { OrderLane } from './order-lane.ts';

/** The version of the contract between clients and servers; a client that speaks another one is refused for good. */
export const CONTRACT = '1';

/** One ws socket, or one http request. */
export interface Connection extends Reader {
  /** Whether events are pushed to it by rooms, as frames of their own beside tRPC's. */
  readonly pushes: boolean;
  push(frame: Uint8Array): void;
  /** Aborted when a ws socket closes; of an http request tRPC itself tells each call. */
  readonly closed: AbortSignal | undefined;
  /** Keeps the order in which this connection's mutations arrived. */
  readonly lane: OrderLane;
  /** Who is calling; throws `RefusalError` where nobody was let in, or where the token has expired. */
  admitted(): Identity;
  /** Who is calling, for the log; `undefined` where nobody was let in. */
  actor(): string | undefined;
  /**
   * From now on, calls and subscriptions of this connection have these rights; throws `UPGRADE_REQUIRED` where no
   * rights would help.
   */
  replaceIdentity(identity: Identity): void;
  /** Counts mutations against the rate limit; rejects with `RATE_LIMITED`. */
  spend(mutations: number): Promise<void>;
  /** Counts a call until the returned function is called; throws `RATE_LIMITED` beyond the limit. */
  beginCall(): () => void;
  /** Counts a subscription until the returned function is called; throws `RATE_LIMITED` beyond the limit. */
  beginSubscription(): () => void;
}

/** What is logged of a call once it is over. Payloads stay out of it. */
export interface CallReport {
  path: string;
  type: 'query' | 'mutation' | 'subscription';
  campaignId: string | undefined;
  actor: string | undefined;
  correlationId: string;
  milliseconds: number;
  outcome: { kind: 'ok' } | { kind: 'refused'; refusal: Refusal } | { kind: 'failed'; error: unknown };
}

/** What `system.info` says. */
export interface SystemInfo {
  defaultCampaignId: string | undefined;
  /** Which process answers: a random token, another one after every start. */
  instance: string;
  version: string;
  contract: typeof CONTRACT;
}

/** What every procedure has at hand. Ports and domain types only: this type travels in the SDK's declarations. */
export interface Context {
  readonly service: CampaignService;
  readonly connection: Connection;
  readonly instance: string;
  readonly version: string;
  /** From the request's header; each call without one gets its own. */
  readonly correlationId: string | undefined;
  /** Who a token speaks for; rejects with `UNAUTHORIZED`. */
  authenticate(token: string): Promise<Identity>;
  report(call: CallReport): void;
}
