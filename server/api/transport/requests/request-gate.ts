import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TcpConnection, TcpConnections } from '../tcp-connections.ts';

/** Handles one request; what it throws or rejects with is its own affair. */
export type RequestHandler = (connection: TcpConnection, req: IncomingMessage, res: ServerResponse) => void;

/** Requests of one connection that may wait for the response before them. */
const MAX_PIPELINED = 16;

/** Hands the requests of each connection on, one after the other. */
export interface RequestGate {
  /** The listener for the requests of the server. */
  onRequest(req: IncomingMessage, res: ServerResponse): void;
  /** Marks the response under way as a stream, behind which no further response can be sent. */
  beginStream(connection: TcpConnection): void;
}

/** A request that waits for the response before it. */
type Waiting = readonly [IncomingMessage, ServerResponse];

/**
 * Handles the requests of a connection one after the other. Node would handle pipelined requests at once and hold their
 * responses until it is their turn, outside of the socket, where nobody counts them; behind an SSE stream it would hold
 * them for ever. Therefore a request waits until the response before it is sent, and a connection with a request behind
 * a stream is cut.
 */
export function createRequestGate(connections: TcpConnections, handle: RequestHandler): RequestGate {
  /** The requests behind the one under way, by connection; connections without a request are not in it. */
  const busy = new Map<TcpConnection, Waiting[]>();

  function start(connection: TcpConnection, req: IncomingMessage, res: ServerResponse): void {
    // Also emitted where the connection is closed before the response is sent.
    res.once('close', () => {
      const isStillSent = !req.complete && !connection.socket.destroyed;
      if (isStillSent) req.once('end', connections.awaitRefusedBody(connection));
      end(connection);
    });
    handle(connection, req, res);
  }

  function end(connection: TcpConnection): void {
    const next = connection.socket.destroyed ? undefined : busy.get(connection)?.shift();
    if (next) return start(connection, ...next);
    busy.delete(connection);
    connections.setIdle(connection, true);
  }

  return {
    onRequest(req, res) {
      const connection = connections.get(req.socket);
      if (!connection) {
        req.socket.destroy();
        return;
      }
      const waiting = busy.get(connection);
      if (!waiting) {
        busy.set(connection, []);
        connections.setIdle(connection, false);
        start(connection, req, res);
      } else if (connection.isStream || waiting.length >= MAX_PIPELINED) {
        connections.cut(connection, 'pipelined');
      } else {
        waiting.push([req, res]);
      }
    },
    beginStream(connection) {
      connection.isStream = true;
      if (busy.get(connection)?.length) connections.cut(connection, 'pipelined');
    },
  };
}
