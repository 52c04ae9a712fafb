import type { Identity } from '../../core/permissions.ts';
import { addressKey, relayedAddress, type CallerPlaces } from '../connection/caller-places.ts';
import { createConnection, type AdmissionResult, type ConnectionEnvironment } from '../connection/connection.ts';
import type { Connection, Context } from '../connection/context.ts';
import { createRelayedCallers, type RelayedCallers } from '../connection/relayed-callers.ts';
import type { ForwardedCaller, Upstream } from '../connection/upstream.ts';
import { callProcedure } from '../procedures/call-procedure.ts';

/** Options of {@link createRelayedConnections}. */
export interface RelayedConnectionsOptions {
  readonly environment: ConnectionEnvironment;
  readonly places: CallerPlaces;
  /** Where this server is a relay itself: the server that it stands before. */
  readonly upstream: Upstream | undefined;
  /** The identity of a token; rejects with a `RefusalError`. */
  readonly identify: (token: string | undefined) => Promise<Identity>;
  readonly contextOf: (connection: Connection, report: Context['report'], correlationId: string) => Context;
}

/**
 * Makes the callers of the relay that a ws connection is, once it says that it is one.
 *
 * @returns `undefined` while it is none, and once it is closed
 */
export type RelayedConnections = (
  relay: Connection,
  closed: AbortSignal,
  report: Context['report'],
) => () => RelayedCallers | undefined;

/** The connections of those who call through relays of this server. */
export function createRelayedConnections(options: RelayedConnectionsOptions): RelayedConnections {
  const { environment, places, upstream, identify, contextOf } = options;
  let opened = 0;

  /** The connection of somebody who has connected to a relay. What is sent to it goes through the relay's. */
  const connectionOf = (
    access: AdmissionResult,
    caller: ForwardedCaller,
    left: AbortSignal,
    relay: Connection,
  ): Connection => {
    const { address, transport } = caller;
    const via = relay.payer;
    const isOpen = transport !== 'http';
    const place = isOpen ? places.take(addressKey(relayedAddress(via, address))) : undefined;
    const isFull = isOpen && !place;
    const connection = createConnection(environment, {
      admission: isFull ? { kind: 'refused', error: places.refusal() } : access,
      channel: {
        get unsent() {
          return relay.bufferedBytes();
        },
        // A relay that is congested is cut as a whole, by its own heartbeat: one of its callers cannot be.
        disconnect: () => undefined,
      },
      closed: isOpen ? left : undefined,
      rateKey: isOpen ? `relayed ${(opened += 1)}` : undefined,
      place,
      transport,
      address,
      via,
      relay,
    });
    if (place) place.connection = connection;
    const release = (): void => {
      place?.release();
      // What came over an open connection has had its turn, and is decided.
      if (!isOpen) connection.leave();
    };
    left.addEventListener('abort', release, { once: true });
    upstream?.onCaller(connection, caller);
    return connection;
  };

  return (relay, closed, report) => {
    let callers: RelayedCallers | undefined;
    const make = (): RelayedCallers => {
      const made = createRelayedCallers({
        identify,
        connect: (access, caller, left) => connectionOf(access, caller, left, relay),
        contextOf: (own, correlationId) => contextOf(own, report, correlationId),
        // In a chain: what stands behind this relay judges it too.
        onToken: (own, token) => upstream?.onCaller(own, { token }),
        relayWaitMs: () => relay.relayWaitMs(),
        run: (ctx, { path, type, input }, signal) => callProcedure({ ctx, path, type, input, signal }),
      });
      closed.addEventListener('abort', () => made.close(), { once: true });
      return made;
    };
    return () => (relay.isRelay && !closed.aborted ? (callers ??= make()) : undefined);
  };
}
