import { createTRPCClient } from '@trpc/client';
import type { AppRouter } from '../../../server/api/procedures/router.ts';
import type { Actor } from '../../../server/core/stream/entry.ts';
import type { Clock } from '../clock.ts';
import { CampaignError, closedError } from '../errors.ts';
import { type Connection } from '../link/connection.ts';
import { createRpcLink } from '../link/rpc-link.ts';
import { userOf } from '../link/token-provider.ts';
import { writable } from '../observable-value.ts';
import type { ConnectionState, Renewal } from '../types.ts';
import type { MemoryCampaign } from './memory-campaign.ts';
import { createMemorySession, type MemorySession } from './memory-session.ts';

/** Carries frames one way, in order; when each is delivered is its own affair. */
export type Wire = (deliver: () => void) => void;

export interface MemoryLinkOptions {
  readonly campaign: MemoryCampaign;
  readonly actor: Actor;
  readonly clock: Clock;
  readonly toServer: Wire;
  readonly toClient: Wire;
}

/** One client's link to a campaign in memory, which can be cut. */
export interface MemoryLink {
  readonly connection: Connection;
  /** Cuts the link: what is on the wire is lost both ways, and calls that wait for an answer fail. */
  readonly drop: () => void;
  /** Restores the link: subscriptions resume after the last event that was received. */
  readonly reconnect: () => void;
}

const CONNECTED: ConnectionState = {
  status: 'connected',
  attempt: 0,
  retryAt: undefined,
  reason: undefined,
  error: undefined,
};

/** The SDK's own rpc link, over a pair of wires in memory instead of a socket. */
export function createMemoryLink({ campaign, actor, clock, toServer, toClient }: MemoryLinkOptions): MemoryLink {
  const state = writable<ConnectionState>(CONNECTED);
  const renewed = writable<Renewal>({ isOtherUser: false });
  let token: string | undefined;
  // The link is cut and restored by hand, so that nothing is opened on demand, or closed when unused.
  const ignore = () => undefined;
  const rpc = createRpcLink({ onNeeded: ignore, onUnused: ignore, onAccepted: ignore, clock });
  const trpc = createTRPCClient<AppRouter>({ links: [rpc.link] });
  /** The session over which frames travel; frames of an earlier one no longer arrive. */
  let current: MemorySession | undefined;

  function open(): void {
    const session = createMemorySession({
      campaign,
      actor,
      newId: clock.id,
      send: (frame) => toClient(() => session === current && rpc.receive(frame)),
    });
    current = session;
    rpc.attach((frame) => toServer(() => session === current && session.receive(frame)));
  }

  function drop(): void {
    if (!current) return;
    current.close();
    current = undefined;
    const error = new CampaignError({ reason: 'UNAVAILABLE', message: 'The connection was lost', retryable: true });
    state.set({ status: 'reconnecting', attempt: 1, retryAt: undefined, reason: 'lost', error });
    rpc.detach(error);
  }

  open();
  return {
    drop,
    reconnect() {
      if (current) return;
      state.set(CONNECTED);
      renewed.set({ isOtherUser: false });
      open();
    },
    connection: {
      state,
      trpc,
      async authenticate(given) {
        const isOtherUser = userOf(given) !== userOf(token);
        token = given;
        renewed.set({ isOtherUser });
      },
      unauthorized: (error) =>
        state.set({ status: 'needs-auth', attempt: 0, retryAt: undefined, reason: 'unauthorized', error }),
      hasToken: () => false,
      beacon: () => ({ url: undefined }),
      onRenewed: (callback) => renewed.subscribe(() => callback(renewed.getSnapshot())),
      close() {
        drop();
        state.set({ status: 'closed', attempt: 0, retryAt: undefined, reason: 'closed', error: closedError() });
      },
    },
  };
}
