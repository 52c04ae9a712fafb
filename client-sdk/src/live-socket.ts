import type { Clock } from './clock.ts';

/** The part of a WebSocket that the SDK uses: browsers, Node ≥ 22, Deno, Bun and the package `ws` all have it. */
export interface WebSocketLike {
  binaryType: string;
  readonly readyState: number;
  send(data: string): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: 'open' | 'close' | 'error', listener: (event: { code?: number; reason?: string }) => void): unknown;
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): unknown;
}

export type WebSocketConstructor = new (url: string) => WebSocketLike;

/** Milliseconds after which silence means death. Their sum bounds how long a half-open link goes unnoticed: below 5 s. */
export interface SocketTimeouts {
  /** From the first SYN to an open socket. */
  readonly handshake: number;
  /** Without a frame for so long, the server is asked for a sign of life. */
  readonly silence: number;
  /** For that sign. */
  readonly answer: number;
}

export const TIMEOUTS: SocketTimeouts = { handshake: 5_000, silence: 2_500, answer: 2_000 };

/** What the connection hears of its sockets. */
export interface SocketObserver {
  opened(socket: LiveSocket): void;
  closed(socket: LiveSocket, event: { code: number; reason: string }): void;
  /** An error of the server that belongs to no call: it would not have this connection. */
  refused(socket: LiveSocket, message: string, data: unknown): void;
}

export interface LiveSocket {
  /** Asks for a sign of life now: after the device woke up, or lost its network. */
  probe(): void;
  close(): void;
}

type SocketEvent = { type: string; data?: unknown; code?: number; reason?: string };
type Listener = (event: SocketEvent) => void;

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 3;

/**
 * A WebSocket class for `createWSClient` that closes when it says so. The platform's own takes up to 30 s (or for ever) to report
 * that a peer has vanished, because it waits for the closing handshake; stays `connecting` as long as a black hole lets it; and can
 * not ping. This one reports the end at once and lets the real socket die behind it.
 */
export function liveSocketClass(
  open: (url: string) => WebSocketLike,
  clock: Clock,
  timeouts: SocketTimeouts,
  observer: SocketObserver,
): typeof WebSocket {
  class LiveSocketClass implements LiveSocket {
    static readonly CONNECTING = CONNECTING;
    static readonly OPEN = OPEN;
    static readonly CLOSING = 2;
    static readonly CLOSED = CLOSED;

    readyState: number = CONNECTING;
    readonly #inner: WebSocketLike;
    readonly #listeners = new Map<string, Set<Listener>>();
    #cancelTimer: () => void;

    constructor(url: string) {
      this.#inner = open(url);
      this.#cancelTimer = clock.after(timeouts.handshake, () => this.#end(4408, 'The server did not answer in time'));
      this.#inner.addEventListener('open', () => this.#opened());
      this.#inner.addEventListener('message', ({ data }) => this.#received(data));
      // An error is always followed by a close, and says nothing that it does not.
      this.#inner.addEventListener('error', () => undefined);
      this.#inner.addEventListener('close', ({ code, reason }) => this.#end(code ?? 1006, reason ?? ''));
    }

    set binaryType(value: string) {
      this.#inner.binaryType = value;
    }

    send(data: string): void {
      this.#inner.send(data);
    }

    close(): void {
      this.#end(1000, '');
    }

    probe(): void {
      if (this.readyState === OPEN) this.#ask();
    }

    addEventListener(type: string, listener: Listener): void {
      const listeners = this.#listeners.get(type) ?? new Set();
      this.#listeners.set(type, listeners.add(listener));
    }

    removeEventListener(type: string, listener: Listener): void {
      this.#listeners.get(type)?.delete(listener);
    }

    #emit(event: SocketEvent): void {
      for (const listener of this.#listeners.get(event.type) ?? []) listener.call(this, event);
    }

    #opened(): void {
      if (this.readyState !== CONNECTING) return;
      this.readyState = OPEN;
      this.#listen();
      observer.opened(this);
      this.#emit({ type: 'open' });
    }

    #received(data: unknown): void {
      if (this.readyState !== OPEN) return;
      this.#listen();
      // Kept from the tRPC client, which would take each sign of life for use and never let an unused link go.
      if (data === 'PONG') return;
      const refusal = connectionError(data);
      if (refusal) observer.refused(this, refusal.message, refusal.data);
      else this.#emit({ type: 'message', data });
    }

    /** Any frame is a sign of life. */
    #listen(): void {
      this.#cancelTimer();
      this.#cancelTimer = clock.after(timeouts.silence, () => this.#ask());
    }

    #ask(): void {
      this.#cancelTimer();
      this.#inner.send('PING');
      this.#cancelTimer = clock.after(timeouts.answer, () => this.#end(4408, 'The server has fallen silent'));
    }

    #end(code: number, reason: string): void {
      if (this.readyState === CLOSED) return;
      const opened = this.readyState === OPEN;
      this.readyState = CLOSED;
      this.#cancelTimer();
      this.#inner.close();
      observer.closed(this, { code, reason });
      // The tRPC client learns of a failed handshake by `error` alone.
      if (!opened) this.#emit({ type: 'error', code, reason });
      this.#emit({ type: 'close', code, reason });
    }
  }
  // `createWSClient` asks for the platform's class, and uses no more of it than there is here.
  return LiveSocketClass as unknown as typeof WebSocket;
}

/** tRPC answers a connection that it will not have with an error under the id `null`, which its own client drops. */
function connectionError(data: unknown): { message: string; data: unknown } | undefined {
  if (typeof data !== 'string' || !data.startsWith('{"id":null,"error"')) return undefined;
  const frame: { error: { message: string; data: unknown } } = JSON.parse(data);
  return frame.error;
}
