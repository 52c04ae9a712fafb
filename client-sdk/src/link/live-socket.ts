import type { Clock } from '../clock.ts';

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

export type WebSocketConstructor = new (url: string) => WebSocketLike;

/**
 * Milliseconds after which silence means death. `silence` and `answer` bound how long a half-open link goes unnoticed:
 * below 5 s.
 */
export interface SocketTimeouts {
  /** From the first SYN to an open socket. */
  readonly handshake: number;
  /** Without a frame for so long, the server is asked for a sign of life. */
  readonly silence: number;
  /** For that sign, as long as it comes. */
  readonly answer: number;
  /** For that sign, at most. */
  readonly longestAnswer: number;
}

export const TIMEOUTS: SocketTimeouts = { handshake: 5_000, silence: 2_500, answer: 2_000, longestAnswer: 32_000 };

/** The code of a socket that was given up because nothing came. */
export const TIMED_OUT = 4408;

/** How long a connection's sockets wait for a sign of life, one after the other. */
export interface AnswerTimeout {
  readonly milliseconds: number;
  answered(): void;
  missed(): void;
}

/**
 * On a slow link every sign of life waits behind a large snapshot, and a snapshot that is given up begins anew on the
 * next socket: with twice the patience each time it arrives, with the same each time it never would. Whether its bytes
 * come meanwhile, or none any more, no WebSocket tells before the whole message is there. So the patience is only for
 * sockets like that one, on which something came and then nothing.
 */
export function answerTimeout({ answer, longestAnswer }: SocketTimeouts): AnswerTimeout {
  let milliseconds = answer;
  return {
    get milliseconds() {
      return milliseconds;
    },
    answered: () => void (milliseconds = answer),
    missed: () => void (milliseconds = Math.min(milliseconds * 2, longestAnswer)),
  };
}

/** What the connection hears of its socket. */
export interface SocketObserver {
  opened(): void;
  received(frame: string): void;
  /** An error of the server that belongs to no call: it would not have this connection. */
  refused(message: string, data: unknown): void;
  /** Once, whether it had been open or not. */
  closed(code: number, reason: string): void;
}

export interface LiveSocket {
  send(frame: string): void;
  /** Asks for a sign of life now: after the device woke up, or lost its network. */
  probe(): void;
  close(): void;
}

/**
 * A socket that ends when it says so. The platform's own takes up to 30 s (or for ever) to report that a peer has
 * vanished, because it waits for the closing handshake; stays `connecting` as long as a black hole lets it; and can not
 * ping. This one reports the end at once and lets the real socket die behind it.
 */
export function openLiveSocket(
  inner: WebSocketLike,
  clock: Clock,
  timeouts: SocketTimeouts,
  patience: AnswerTimeout,
  observer: SocketObserver,
): LiveSocket {
  let state: 'connecting' | 'open' | 'closed' = 'connecting';
  let openedAt = 0;
  let heard = false;
  let asked = false;
  let cancelTimer = clock.after(timeouts.handshake, () => end(TIMED_OUT, 'The server did not answer in time'));

  /** Any frame is a sign of life. */
  function listen(): void {
    cancelTimer();
    cancelTimer = clock.after(timeouts.silence, ask);
  }

  function ask(): void {
    cancelTimer();
    asked = true;
    inner.send('PING');
    cancelTimer = clock.after(patience.milliseconds, () => {
      // A link that brought nothing at all is not slow: the first frames of a stream are small.
      if (heard) patience.missed();
      end(TIMED_OUT, 'The server has fallen silent');
    });
  }

  function end(code: number, reason: string): void {
    if (state === 'closed') return;
    state = 'closed';
    cancelTimer();
    inner.close();
    observer.closed(code, reason);
  }

  inner.addEventListener('open', () => {
    if (state !== 'connecting') return;
    state = 'open';
    openedAt = clock.now();
    listen();
    observer.opened();
  });
  inner.addEventListener('message', ({ data }) => {
    // The server speaks text alone.
    if (state !== 'open' || typeof data !== 'string') return;
    listen();
    // A frame that comes unasked, on a socket older than the shortest patience, says as much as an answer: nothing is
    // held back.
    const isQuick = !asked && clock.now() - openedAt > timeouts.silence + timeouts.answer;
    if (data === 'PONG' || isQuick) patience.answered();
    heard = true;
    asked = false;
    if (data === 'PONG') return;
    if (data === 'PING') return inner.send('PONG');
    const { error, method } = data.startsWith('{"id":null,') ? connectionFrame(data) : {};
    if (error) observer.refused(error.message, error.data);
    else if (method === 'reconnect') end(1012, 'The server asks to connect again');
    else observer.received(data);
  });
  // An error is always followed by a close, and says nothing that it does not.
  inner.addEventListener('error', () => undefined);
  inner.addEventListener('close', ({ code, reason }) => end(code ?? 1006, reason ?? ''));

  return {
    send: (frame) => inner.send(frame),
    probe: () => state === 'open' && ask(),
    close: () => end(1000, ''),
  };
}

/**
 * What tRPC says under the id `null` is about the connection: that it will not have it, or that another one is wanted.
 */
function connectionFrame(data: string): { error?: { message: string; data: unknown }; method?: string } {
  return JSON.parse(data);
}
