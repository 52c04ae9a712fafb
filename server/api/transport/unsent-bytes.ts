import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { totalmem } from 'node:os';

export interface UnreadOptions {
  /** Every connection of it is looked after, whatever became of it: http, SSE or ws. */
  server: Server;
  /** Bytes that all connections together may hold of what their clients have not read. */
  limit: number;
  /** What they hold now; at every look. */
  onLooked(bytes: number): void;
  /** Connections were cut: those that held the most. */
  onCut(connections: number, bytes: number): void;
}

const LOOK_EVERY_MS = 250;

/**
 * Each connection has its own bound (`limits.ts`), and there are thousands of them: clients that ask and do not read
 * could fill the memory all the same. Where all of them hold too much, those that hold the most are cut, until what is
 * left has room. Without a word: a closing frame would wait behind what they do not read.
 *
 * @returns how to stop it
 */
export function watchUnread({ server, limit, onLooked, onCut }: UnreadOptions): () => void {
  const sockets = new Set<Socket>();
  // One for all: there are thousands of them.
  function forget(this: Socket): void {
    sockets.delete(this);
  }
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', forget);
  });

  const look = (): void => {
    let unread = 0;
    for (const socket of sockets) unread += socket.writableLength;
    onLooked(unread);
    if (unread <= limit) return;
    const largest = [...sockets].sort((one, other) => other.writableLength - one.writableLength);
    const before = unread;
    let cut = 0;
    for (const socket of largest) {
      if (unread <= limit) break;
      unread -= socket.writableLength;
      cut += 1;
      socket.destroy();
    }
    onCut(cut, before);
  };
  const timer = setInterval(look, LOOK_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** A quarter of the memory that this process may have: of its container's, or of the machine's. */
export function defaultUnreadLimit(): number {
  const constrained = process.constrainedMemory();
  return Math.min(constrained > 0 ? constrained : Number.POSITIVE_INFINITY, totalmem()) / 4;
}
