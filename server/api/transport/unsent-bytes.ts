import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { totalmem } from 'node:os';
import { BACKPRESSURE_MEMORY_FRACTION } from '../../engine/streams/backpressure.ts';

/** Options of {@link watchUnsentBytes}. */
export interface UnsentBytesOptions {
  /** The server whose connections are watched, of every kind: http, SSE and ws. */
  readonly server: Server;
  /** Bytes that all connections together may hold unsent. */
  readonly limit: number;
  /** Called at every check with the bytes that are unsent now. */
  onChecked(bytes: number): void;
  /** Called after a check that destroyed connections, with their number and the bytes that were unsent before. */
  onCut(connections: number, bytes: number): void;
}

/** The interval between two checks, in milliseconds. */
const CHECK_INTERVAL_MS = 250;

/**
 * The bound for the unsent bytes of all connections together. Each connection has its own bound (see
 * `engine/streams/backpressure.ts`), and there are thousands of them: clients that ask and do not read could fill the memory all the same. Beyond the limit
 * the connections with the most unsent bytes are destroyed until the rest is within it; without a close frame, which
 * would wait behind what the client does not read.
 *
 * @returns a function that stops the checks
 */
export function watchUnsentBytes({ server, limit, onChecked, onCut }: UnsentBytesOptions): () => void {
  const sockets = new Set<Socket>();
  // One listener for all: there are thousands of sockets.
  function remove(this: Socket): void {
    sockets.delete(this);
  }
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', remove);
  });

  const check = (): void => {
    let unsent = 0;
    for (const socket of sockets) unsent += socket.writableLength;
    onChecked(unsent);
    if (unsent <= limit) return;
    const largestFirst = [...sockets].sort((one, other) => other.writableLength - one.writableLength);
    const before = unsent;
    let cut = 0;
    for (const socket of largestFirst) {
      if (unsent <= limit) break;
      unsent -= socket.writableLength;
      cut += 1;
      socket.destroy();
    }
    onCut(cut, before);
  };
  const timer = setInterval(check, CHECK_INTERVAL_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** The default limit: a fraction of the memory of this process's container, or of the machine. */
export function defaultUnsentLimit(): number {
  const constrained = process.constrainedMemory();
  return Math.min(constrained > 0 ? constrained : Number.POSITIVE_INFINITY, totalmem()) * BACKPRESSURE_MEMORY_FRACTION;
}
