import { ServerSocket } from './server-socket.ts';

export interface SocketWatchOptions {
  sockets: Iterable<unknown>;
  /** How long a connection may take to be let in, in milliseconds. */
  admissionMs: number;
  /** It was not let in within that time. */
  onNotAdmitted(socket: ServerSocket): void;
}

/** A connection that has said nothing for so long is asked for a sign of life, in milliseconds. */
const QUIET_MS = 15_000;
/** A connection that gives none within this time is cut: its link is half-open, whatever TCP believes. */
const ANSWER_MS = 5_000;
const LOOK_EVERY_MS = 1_000;

/**
 * Looks after all ws connections with one timer: thousands of them, with two timers each, would cost more memory than what they watch.
 *
 * @returns how to stop it
 */
export function watchSockets({ sockets, admissionMs, onNotAdmitted }: SocketWatchOptions): () => void {
  const look = (): void => {
    const now = performance.now();
    for (const socket of sockets) {
      if (!(socket instanceof ServerSocket)) continue;
      const { admitted, openedAt, heardAt, askedAt } = socket.life;
      if (!admitted && now - openedAt > admissionMs) onNotAdmitted(socket);
      else if (askedAt > heardAt && now - askedAt > ANSWER_MS) socket.terminate();
      else if (askedAt <= heardAt && now - heardAt > QUIET_MS) socket.askForLife(now);
    }
  };
  const timer = setInterval(look, Math.min(LOOK_EVERY_MS, admissionMs / 2));
  timer.unref();
  return () => clearInterval(timer);
}
