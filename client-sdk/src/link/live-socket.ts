import { RESTART } from '../../../server/core/close-codes.ts';
import type { Clock } from '../clock.ts';
import { TIMED_OUT } from './local-close-codes.ts';

/** The part of a WebSocket that the SDK uses: browsers, Node ≥ 22, Deno, Bun and the package `ws` all have it. */
export interface WebSocketLike {
  send(data: string): void;
  close(code?: number, reason?: string): void;
  addEventListener(
    type: 'open' | 'close' | 'error',
    listener: (event: { code?: number; reason?: string }) => void,
  ): unknown;
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): unknown;
}

/** The option `WebSocket` of a client. */
export type WebSocketConstructor = new (url: string) => WebSocketLike;

/** Timeouts of a socket, in milliseconds. A half-open link is noticed after `idle` and `heartbeat`: within 5 s. */
export interface SocketTimeouts {
  /** From the first SYN to an open socket. */
  readonly handshake: number;
  /** Without a frame for so long, a heartbeat is asked for: `PING`, which the server answers with `PONG`. */
  readonly idle: number;
  /** Without a frame for so long after that, the link is half-open. */
  readonly heartbeat: number;
  /** The most that {@link HeartbeatTimeout} extends `heartbeat` to, on slow links. */
  readonly maxHeartbeat: number;
}

export const TIMEOUTS: SocketTimeouts = { handshake: 5_000, idle: 2_500, heartbeat: 2_000, maxHeartbeat: 32_000 };

/** What a WebSocket reports that has ended without a closing frame (RFC 6455, 7.4.1). */
export const ABNORMAL_CLOSURE = 1006;
const NORMAL_CLOSURE = 1000;

/** The heartbeat timeout of a connection, which its sockets, one after the other, extend and reset. */
export interface HeartbeatTimeout {
  readonly milliseconds: number;
  readonly reset: () => void;
  readonly extend: () => void;
}

/**
 * Extends the heartbeat timeout for links that are slow rather than half-open.
 *
 * On a slow link the heartbeat waits behind a large snapshot, and a snapshot that is given up begins anew on the next
 * socket: with a fixed timeout it would never arrive; with one that doubles each time it does. Whether its bytes are
 * coming meanwhile cannot be seen: a WebSocket delivers whole messages. So the timeout is extended only after a socket
 * on which some frames came and then none; one that brought nothing at all is half-open, not slow.
 */
export function heartbeatTimeout({ heartbeat, maxHeartbeat }: SocketTimeouts): HeartbeatTimeout {
  let milliseconds = heartbeat;
  return {
    get milliseconds() {
      return milliseconds;
    },
    reset: () => void (milliseconds = heartbeat),
    extend: () => void (milliseconds = Math.min(milliseconds * 2, maxHeartbeat)),
  };
}

/** What a socket reports to the connection. */
export interface SocketObserver {
  readonly opened: () => void;
  readonly received: (frame: string) => void;
  /** An error of the server that belongs to no call: it refuses this connection. */
  readonly refused: (message: string, data: unknown) => void;
  /** Once, whether the socket had been open or not. */
  readonly closed: (code: number, reason: string) => void;
}

/** A socket with a heartbeat. */
export interface LiveSocket {
  readonly send: (frame: string) => void;
  /** Asks for a heartbeat now: after the device woke up, or its network changed. */
  readonly probe: () => void;
  readonly close: () => void;
}

/**
 * A socket with a heartbeat, which reports its end at once.
 *
 * A platform's WebSocket cannot ping, stays `connecting` as long as the network swallows its packets, and reports a
 * vanished peer after up to 30 s or never, because it waits for the closing handshake. This one reports a half-open
 * link after a timeout and leaves the platform's socket to close behind it.
 */
export function openLiveSocket(
  inner: WebSocketLike,
  clock: Clock,
  timeouts: SocketTimeouts,
  heartbeat: HeartbeatTimeout,
  observer: SocketObserver,
): LiveSocket {
  let state: 'connecting' | 'open' | 'closed' = 'connecting';
  let openedAt = 0;
  let hasReceived = false;
  let isPinging = false;
  let cancelTimer = clock.after(timeouts.handshake, () => end(TIMED_OUT, 'The server did not answer in time'));

  /** Any frame is a heartbeat: the next is asked for when none has come for a while. */
  function awaitFrame(): void {
    cancelTimer();
    cancelTimer = clock.after(timeouts.idle, ping);
  }

  function ping(): void {
    cancelTimer();
    isPinging = true;
    inner.send('PING');
    cancelTimer = clock.after(heartbeat.milliseconds, () => {
      if (hasReceived) heartbeat.extend();
      end(TIMED_OUT, 'The server sends no heartbeat');
    });
  }

  function end(code: number, reason: string): void {
    if (state === 'closed') return;
    state = 'closed';
    cancelTimer();
    inner.close();
    observer.closed(code, reason);
  }

  function receive(data: string): void {
    awaitFrame();
    // A frame that comes unasked, on a socket older than the shortest heartbeat timeout, says as much as a heartbeat:
    // nothing is held back.
    const isPrompt = !isPinging && clock.now() - openedAt > timeouts.idle + timeouts.heartbeat;
    if (data === 'PONG' || isPrompt) heartbeat.reset();
    hasReceived = true;
    isPinging = false;
    if (data === 'PONG') return;
    if (data === 'PING') return inner.send('PONG');
    const { error, method } = data.startsWith('{"id":null,') ? connectionFrame(data) : {};
    if (error) observer.refused(error.message, error.data);
    else if (method === 'reconnect') end(RESTART.code, 'The server asks to reconnect');
    else observer.received(data);
  }

  inner.addEventListener('open', () => {
    if (state !== 'connecting') return;
    state = 'open';
    openedAt = clock.now();
    awaitFrame();
    observer.opened();
  });
  inner.addEventListener('message', ({ data }) => {
    // The server sends text frames alone.
    if (state === 'open' && typeof data === 'string') receive(data);
  });
  // An error is always followed by a close, and says nothing that the close does not.
  inner.addEventListener('error', () => undefined);
  inner.addEventListener('close', ({ code, reason }) => end(code ?? ABNORMAL_CLOSURE, reason ?? ''));

  return {
    send: (frame) => inner.send(frame),
    probe: () => state === 'open' && ping(),
    close: () => end(NORMAL_CLOSURE, ''),
  };
}

/** A frame of tRPC's under the id `null`, which is about the connection: a refusal, or the request to reconnect. */
function connectionFrame(data: string): { error?: { message: string; data: unknown }; method?: string } {
  return JSON.parse(data);
}
