import { BACKPRESSURE_TIMEOUT_MS } from '../../../engine/streams/backpressure.ts';
import type { ServerSocket } from './server-socket.ts';

/** What the watch reads of a socket, and does to it. */
export type WatchedSocket = Pick<ServerSocket, 'liveness' | 'isRelay' | 'isPaused' | 'sendPing' | 'terminate'>;

/** Options of {@link watchSockets}. */
export interface SocketWatchOptions<S extends WatchedSocket> {
  /** All open ws connections, read anew at every check. */
  readonly sockets: Iterable<S>;
  /** How long a connection may take to be admitted, in milliseconds. */
  readonly admissionMs: number;
  /** Called at every check for a connection that was not admitted within that time. */
  onNotAdmitted(socket: S): void;
}

/** A connection that was silent for so long is pinged, in milliseconds. */
const PING_AFTER_MS = 15_000;

/** A connection that does not answer a ping within this time is terminated: its link is half-open. Milliseconds. */
const PONG_TIMEOUT_MS = 5_000;

/**
 * A connection that was sent more than this since it was last heard has {@link BACKPRESSURE_TIMEOUT_MS} to answer
 * instead: the ping waits behind these bytes, and a slow link is not a dead one.
 */
const SLOW_LINK_BYTES = 16 * 1024;

/**
 * A relay speaks every second or two, whatever it is sent. One that is silent for longer is pinged, and given up within
 * nine seconds: those who have come through it are not there any more.
 */
const RELAY_PING_AFTER_MS = 4_000;
const RELAY_PONG_TIMEOUT_MS = 4_000;

/** The interval between two checks, in milliseconds. */
const CHECK_INTERVAL_MS = 1_000;

/**
 * Heartbeat and admission timeout of all ws connections, in one timer: two timers for each of thousands of connections
 * would take more memory than the connections' own state.
 *
 * @returns a function that stops the checks
 */
export function watchSockets<S extends WatchedSocket>({
  sockets,
  admissionMs,
  onNotAdmitted,
}: SocketWatchOptions<S>): () => void {
  const check = (): void => {
    const now = performance.now();
    for (const socket of sockets) {
      const { admitted, openedAt, receivedAt, pingedAt, sentBytes } = socket.liveness;
      // One that is not read, because it does not read either, may well be speaking.
      const isRelay = socket.isRelay && !socket.isPaused;
      const pongTimeoutMs = isRelay ? RELAY_PONG_TIMEOUT_MS : pongTimeoutOf(sentBytes);
      const pingAfterMs = isRelay ? RELAY_PING_AFTER_MS : PING_AFTER_MS;
      const awaitsPong = pingedAt > receivedAt;
      if (!admitted && now - openedAt > admissionMs) onNotAdmitted(socket);
      else if (awaitsPong && now - pingedAt > pongTimeoutMs) socket.terminate();
      else if (!awaitsPong && now - receivedAt > pingAfterMs) socket.sendPing(now);
    }
  };
  const timer = setInterval(check, Math.min(CHECK_INTERVAL_MS, admissionMs / 2));
  timer.unref();
  return () => clearInterval(timer);
}

function pongTimeoutOf(sentBytes: number): number {
  return sentBytes > SLOW_LINK_BYTES ? BACKPRESSURE_TIMEOUT_MS : PONG_TIMEOUT_MS;
}
