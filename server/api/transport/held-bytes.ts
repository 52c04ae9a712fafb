import { totalmem } from 'node:os';
import { BACKPRESSURE_MEMORY_FRACTION } from '../../engine/streams/backpressure.ts';
import { API_LIMITS } from '../limits.ts';
import type { TcpConnection, TcpConnections } from './tcp-connections.ts';

/** Bytes that connections hold in the memory of the process. */
export interface HeldBytes {
  /** Of responses and events that their clients have not read. */
  readonly unsent: number;
  /** Of http bodies and ws messages that are not complete. */
  readonly unfinished: number;
}

/** Options of {@link watchHeldBytes}. */
export interface HeldBytesOptions {
  readonly connections: TcpConnections;
  /** Bytes that all connections together may hold. */
  readonly limit: number;
  /** Called at every check with the bytes that are held now. */
  onChecked(held: HeldBytes): void;
  /** Called after connections were cut, with their number and the bytes that were held before. */
  onCut(connections: number, heldBytes: number): void;
}

/** The interval between two checks, in milliseconds. */
const CHECK_INTERVAL_MS = 100;

/**
 * The bounds for the bytes that all connections hold together, and for what one caller has begun to send and does not
 * finish, over all of its connections. Each connection has its own bound (see
 * `engine/streams/backpressure.ts` and `API_LIMITS`), and there are thousands of them: clients that ask and do not
 * read, and clients that begin messages and do not finish them, could fill the memory all the same. Beyond the limit
 * the connections that hold the most are destroyed until the rest is within it; without a close frame, which would wait
 * behind what the client does not read.
 *
 * @returns a function that stops the checks
 */
export function watchHeldBytes({ connections, limit, onChecked, onCut }: HeldBytesOptions): () => void {
  const check = (): void => {
    let unsent = 0;
    let unfinished = 0;
    const bySender = new Map<string, number>();
    for (const { socket, unfinishedBytes, sender } of connections) {
      unsent += socket.writableLength;
      if (unfinishedBytes === 0) continue;
      unfinished += unfinishedBytes;
      if (sender) bySender.set(sender.payer, (bySender.get(sender.payer) ?? 0) + unfinishedBytes);
    }
    onChecked({ unsent, unfinished });
    for (const [payer, bytes] of bySender) {
      if (bytes <= API_LIMITS.unfinishedBytesOfCaller) continue;
      const theirs = [...connections].filter(({ sender }) => sender?.payer === payer);
      unfinished -= cutLargest(theirs, bytes, API_LIMITS.unfinishedBytesOfCaller, unfinishedOf);
    }
    if (unsent + unfinished > limit) cutLargest([...connections], unsent + unfinished, limit, heldBy);
  };

  /**
   * Cuts those that hold the most, until the rest is within the limit.
   *
   * @returns the bytes that they held
   */
  const cutLargest = (
    candidates: readonly TcpConnection[],
    held: number,
    most: number,
    weigh: (connection: TcpConnection) => number,
  ): number => {
    let freed = 0;
    let cut = 0;
    for (const connection of candidates.toSorted((one, other) => weigh(other) - weigh(one))) {
      if (held - freed <= most) break;
      freed += weigh(connection);
      cut += 1;
      const { socket, unfinishedBytes } = connection;
      connections.cut(connection, unfinishedBytes > socket.writableLength ? 'unfinished' : 'unsent');
    }
    onCut(cut, held);
    return freed;
  };
  const timer = setInterval(check, CHECK_INTERVAL_MS);
  timer.unref();
  return () => clearInterval(timer);
}

function unfinishedOf({ unfinishedBytes }: TcpConnection): number {
  return unfinishedBytes;
}

function heldBy({ socket, unfinishedBytes }: TcpConnection): number {
  return socket.writableLength + unfinishedBytes;
}

/** The default limit: a fraction of the memory of this process's container, or of the machine. */
export function defaultHeldLimit(): number {
  const constrained = process.constrainedMemory();
  return Math.min(constrained > 0 ? constrained : Number.POSITIVE_INFINITY, totalmem()) * BACKPRESSURE_MEMORY_FRACTION;
}
