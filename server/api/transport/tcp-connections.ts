import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/**
 * Why the server closed a connection by itself; the label of the metric of cut connections.
 *
 * - `unsent`: it held the most bytes that its client does not read, when all connections together held too many;
 * - `unfinished`: the same of an unfinished http body or ws message, or when those of its caller were too many; or its
 *   body was refused, and too many others did not finish theirs after that;
 * - `idle`: it was idle when there was no room for a new connection;
 * - `full`: there was no room for it, and no idle connection to close;
 * - `pipelined`: requests were pipelined behind a stream, or more of them than may wait;
 * - `not-admitted`: it sent more than an unadmitted connection may.
 */
export const CUT_CAUSES = ['unsent', 'unfinished', 'idle', 'full', 'pipelined', 'not-admitted'] as const;

/** One of {@link CUT_CAUSES}. */
export type CutCause = (typeof CUT_CAUSES)[number];

/** A caller of a connection. */
export interface Sender {
  /** The caller's id, or the address of a caller without a valid token. */
  readonly payer: string;
}

/** State of one TCP connection, of whatever kind: http, SSE or ws. */
export interface TcpConnection {
  readonly socket: Socket;
  /** Bytes of an unfinished http body or ws message that are held for it. */
  unfinishedBytes: number;
  /** Who sends them, once that is known. */
  sender: Sender | undefined;
  /** Whether its response is a stream, behind which no further response can be sent. */
  isStream: boolean;
  /** Whether no request is under way, and it is no ws connection. */
  readonly isIdle: boolean;
}

/** A connection as it is kept here. */
type OpenConnection = { -readonly [Key in keyof TcpConnection]: TcpConnection[Key] };

/** Options of {@link createTcpConnections}. */
export interface TcpConnectionsOptions {
  /** Open connections of all kinds. */
  readonly limit: number;
  /** Called for each connection that was cut to make room. */
  onCut(cause: CutCause): void;
  /** Called with the number of open connections after each change. */
  onCount(open: number): void;
}

/**
 * Connections that may go on sending a body which was refused. Each may take as long as a request may, and somebody
 * without a token can have a thousand of them a second: they would hold memory that nobody pays for, and end together
 * when their client does.
 */
export const MAX_REFUSED_BODIES = 128;

/** All TCP connections of the port. */
export interface TcpConnections extends Iterable<TcpConnection> {
  /** Registers a new connection until it is closed; cuts an idle one, or this one, where there is no room. */
  open(socket: Socket): void;
  /** The state of a connection; `undefined` after it was closed. */
  get(socket: Duplex): TcpConnection | undefined;
  /** Marks a connection as idle (no request is under way) or busy. */
  setIdle(connection: TcpConnection, isIdle: boolean): void;
  /**
   * Its request was answered before its body was complete: the rest is thrown away, as clients that send all of it
   * before they read would not get the answer otherwise. Beyond {@link MAX_REFUSED_BODIES} the one that has had the
   * longest is cut.
   *
   * @returns called when the body is complete
   */
  awaitRefusedBody(connection: TcpConnection): () => void;
  /** Destroys a connection. */
  cut(connection: TcpConnection, cause: CutCause): void;
}

/**
 * Registers TCP connections and bounds their number. Connections without a request are closed first, the oldest of
 * them, so that neither callers that connect and say nothing nor those that keep connections open can keep probes and
 * clients out.
 */
export function createTcpConnections({ limit, onCut, onCount }: TcpConnectionsOptions): TcpConnections {
  const open = new Map<Duplex, OpenConnection>();
  /** In the order in which they became idle. */
  const idle = new Set<OpenConnection>();
  /** Those whose refused body is still to come, in the order in which they were refused. */
  const refused = new Set<TcpConnection>();

  // One listener for all: there are thousands of sockets.
  function remove(this: Socket): void {
    const connection = open.get(this);
    if (!connection) return;
    idle.delete(connection);
    refused.delete(connection);
    open.delete(this);
    onCount(open.size);
  }

  function cut({ socket }: TcpConnection, cause: CutCause): void {
    // What the socket has read already may give further reasons.
    if (socket.destroyed) return;
    onCut(cause);
    socket.destroy();
  }

  return {
    open(socket) {
      if (open.size >= limit) {
        const [oldest] = idle;
        if (!oldest) {
          onCut('full');
          socket.destroy();
          return;
        }
        // Its close event comes later: the number must not pass the limit until then.
        idle.delete(oldest);
        open.delete(oldest.socket);
        cut(oldest, 'idle');
      }
      const connection = { socket, unfinishedBytes: 0, sender: undefined, isStream: false, isIdle: true };
      open.set(socket, connection);
      idle.add(connection);
      socket.on('close', remove);
      onCount(open.size);
    },
    get: (socket) => open.get(socket),
    setIdle({ socket }, isIdle) {
      const connection = open.get(socket);
      if (!connection) return;
      connection.isIdle = isIdle;
      idle.delete(connection);
      if (isIdle) idle.add(connection);
    },
    awaitRefusedBody(connection) {
      refused.add(connection);
      const [oldest] = refused;
      if (oldest && refused.size > MAX_REFUSED_BODIES) {
        refused.delete(oldest);
        cut(oldest, 'unfinished');
      }
      return () => refused.delete(connection);
    },
    cut,
    [Symbol.iterator]: () => open.values(),
  };
}
