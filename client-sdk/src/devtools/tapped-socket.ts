import type { WebSocketConstructor, WebSocketLike } from '../link/live-socket.ts';

/** What devtools do to the frames of a client: the state of their buttons. */
export interface Interference {
  /** How long each frame is held back, each way, in milliseconds. */
  readonly delayMs: () => number;
  /** Whether nothing gets through. */
  readonly isOffline: () => boolean;
  /** A frame has passed. */
  readonly onFrame: (direction: 'in' | 'out', text: string) => void;
}

/** A socket that devtools can cut. */
export interface TappedSocket {
  /** Ends it as a lost network does, without a closing frame. */
  readonly drop: () => void;
}

/** What a WebSocket reports that has ended without a closing frame (RFC 6455, 7.4.1). */
const ABNORMAL_CLOSURE = 1006;

type Listener = (event: { code?: number; reason?: string; data?: unknown }) => void;

/**
 * A WebSocket class whose frames can be watched, held back and swallowed. Offline, a socket opens and nothing comes of
 * it, as in a train that has entered a tunnel: one that did not open would be taken for a network that lets no
 * WebSocket through, and http would be tried.
 *
 * @param sockets the open ones
 */
export function tapSockets(
  WebSocket: WebSocketConstructor,
  sockets: Set<TappedSocket>,
  { delayMs, isOffline, onFrame }: Interference,
): WebSocketConstructor {
  return class implements WebSocketLike, TappedSocket {
    readonly #listeners = new Map<string, Set<Listener>>();
    /** Frames and events in their order, each held back for a while. */
    #queue = Promise.resolve();
    #inner: WebSocketLike | undefined;
    #isClosed = false;

    constructor(url: string) {
      sockets.add(this);
      if (isOffline()) {
        queueMicrotask(() => this.#emit('open', {}));
        return;
      }
      const inner = new WebSocket(url);
      this.#inner = inner;
      inner.addEventListener('open', (event) => this.#emit('open', event));
      inner.addEventListener('error', (event) => this.#emit('error', event));
      inner.addEventListener('close', (event) => this.#end(event));
      inner.addEventListener('message', (event) => this.#pass('in', event.data, () => this.#emit('message', event)));
    }

    send(data: string): void {
      this.#pass('out', data, () => this.#inner?.send(data));
    }

    close(code?: number, reason?: string): void {
      this.#inner?.close(code, reason);
      this.#end({ code: code ?? ABNORMAL_CLOSURE });
    }

    drop(): void {
      this.#inner?.close();
      this.#end({ code: ABNORMAL_CLOSURE });
    }

    addEventListener(type: string, listener: (event: never) => void): void {
      const listeners = this.#listeners.get(type) ?? new Set();
      // Each was added for events of its type.
      this.#listeners.set(type, listeners.add(listener as Listener));
    }

    #pass(direction: 'in' | 'out', data: unknown, deliver: () => void): void {
      if (this.#isClosed || isOffline() || !this.#inner) return;
      if (typeof data === 'string') onFrame(direction, data);
      const milliseconds = delayMs();
      // Without a delay nothing is changed about when it is delivered.
      if (milliseconds === 0 && !this.#isHolding) return deliver();
      this.#isHolding = true;
      const due = new Promise<void>((resolve) => setTimeout(resolve, milliseconds));
      const queue = this.#queue
        .then(() => due)
        .then(() => {
          if (!this.#isClosed && !isOffline()) deliver();
          if (this.#queue === queue) this.#isHolding = false;
        });
      this.#queue = queue;
    }

    /** Whether frames before this one are still held back. */
    #isHolding = false;

    #end(event: { code?: number }): void {
      if (this.#isClosed) return;
      this.#isClosed = true;
      sockets.delete(this);
      this.#emit('close', event);
    }

    #emit(type: string, event: Parameters<Listener>[0]): void {
      for (const listener of this.#listeners.get(type) ?? []) listener(event);
    }
  };
}
