import { BACKPRESSURE_TIMEOUT_MS } from '../../engine/streams/backpressure.ts';
import type { ServerSocket } from './server-socket.ts';

/** What is looked at, and done to it. */
export type WatchedSocket = Pick<ServerSocket, 'life' | 'askForLife' | 'terminate'>;

export interface SocketWatchOptions<S extends WatchedSocket> {
  sockets: Iterable<S>;
  /** How long a connection may take to be let in, in milliseconds. */
  admissionMs: number;
  /** It was not let in within that time. */
  onNotAdmitted(socket: S): void;
}

/** A connection that has said nothing for so long is asked for a sign of life, in milliseconds. */
const QUIET_MS = 15_000;
/** A connection that gives none within this time is cut: its link is half-open, whatever TCP believes. */
const ANSWER_MS = 5_000;
/** Unless more than this was sent to it since: the question waits behind that, and a slow link is not a dead one. */
const SLOW_LINK_BYTES = 16 * 1024;
const LOOK_EVERY_MS = 1_000;

/**
 * Looks after all ws connections with one timer: thousands of them, with two timers each, would cost more memory than
 * what they watch.
 *
 * @returns how to stop it
 */
export function watchSockets<S extends WatchedSocket>({
  sockets,
  admissionMs,
  onNotAdmitted,
}: SocketWatchOptions<S>): () => void {
  const look = (): void => {
    const now = performance.now();
    for (const socket of sockets) {
      const { admitted, openedAt, heardAt, askedAt, sent } = socket.life;
      const patience = sent > SLOW_LINK_BYTES ? BACKPRESSURE_TIMEOUT_MS : ANSWER_MS;
      if (!admitted && now - openedAt > admissionMs) onNotAdmitted(socket);
      else if (askedAt > heardAt && now - askedAt > patience) socket.terminate();
      else if (askedAt <= heardAt && now - heardAt > QUIET_MS) socket.askForLife(now);
    }
  };
  const timer = setInterval(look, Math.min(LOOK_EVERY_MS, admissionMs / 2));
  timer.unref();
  return () => clearInterval(timer);
}
