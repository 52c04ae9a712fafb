import type { Origin } from '../../core/stream/origin.ts';
import type { PresenceSetting } from '../../engine/presence/presence-room.ts';
import type { Connection } from './context.ts';

/** Whoever has connected to a relay, as its upstream is told of it. */
export interface ForwardedCaller {
  /** `undefined`: none was shown. */
  readonly token: string | undefined;
  readonly address: string;
  readonly transport: Origin['transport'];
}

/** A call that upstream is to answer. */
export interface ForwardedCall {
  readonly path: string;
  readonly type: 'query' | 'mutation' | 'subscription';
  readonly input: unknown;
  readonly correlationId: string;
}

/** How a relay forwards what it cannot answer, by the caller's own token. Implemented by `relay/forwarding.ts`. */
export interface CallForwarding {
  /** Whether the calls of that procedure are answered upstream. */
  forwards(path: string): boolean;
  /** A caller has connected, or shows another token on its connection. Upstream hears of it at its first call. */
  onCaller(connection: Connection, caller: Partial<ForwardedCaller>): void;
  /**
   * Sends a query or mutation within the call, so that calls made in order arrive in order.
   *
   * @throws RefusalError what upstream refuses it for; `UNAVAILABLE` where that does not answer
   */
  call(connection: Connection, call: ForwardedCall): Promise<unknown>;
  /** Opens a subscription; what `next` throws is as above. */
  subscribe(connection: Connection, call: ForwardedCall): AsyncIterableIterator<unknown>;
}

/** The server that a relay stands before, as its procedures see it. */
export interface Upstream extends CallForwarding {
  /**
   * A connection watches who is at a campaign: where it may edit that, it is a member of it upstream as well.
   *
   * @returns it does not watch any more; idempotent
   */
  attend(connection: Connection, campaignId: string): () => void;
  /** What that connection says of itself there; the latest word counts. */
  say(connection: Connection, campaignId: string, setting: PresenceSetting): void;
}
