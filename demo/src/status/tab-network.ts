import type { Network, WebSocketLike } from '@campaign-state/client';

/** What can be done to the network of this tab, to see what the page makes of it. */
export type NetworkMode = 'as it is' | 'slow' | 'cut';

/** How much longer each frame takes on a slow network, each way, in milliseconds. */
export const SLOW_MS = 400;

type Listener = (event: { code?: number; reason?: string; data: unknown }) => void;
/** What a WebSocket says that has ended without a closing frame. */
const ABNORMAL_CLOSURE = 1006;
const CUT = 'The network of this tab is cut';

let mode: NetworkMode = 'as it is';
const sockets = new Set<TabSocket>();
/** Aborted when the network is cut: with it ends every request that is under way. */
let requests = new AbortController();
const listeners = new Set<() => void>();

/** The network of this tab as it is now. */
export function networkMode(): NetworkMode {
  return mode;
}

export function onNetworkMode(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/**
 * Sets it, for every connection that this tab has and will make: those of the SDK's clients that are made with
 * {@link TabSocket} and {@link tabNetwork}, and requests once {@link takeRequests} was called, by which clients do
 * without WebSockets. The server and other tabs see a network that is cut, or slow.
 */
export function setNetworkMode(next: NetworkMode): void {
  if (mode === next) return;
  mode = next;
  if (mode === 'cut') {
    for (const socket of sockets) socket.lose();
    requests.abort(new TypeError(CUT));
    requests = new AbortController();
  }
  for (const listener of listeners) listener();
}

/** From now on the page's requests know this network too. */
export function takeRequests(): void {
  const fetchNow = globalThis.fetch.bind(globalThis);
  globalThis.fetch = async (input, init) => {
    if (mode === 'cut') throw new TypeError(CUT);
    if (mode === 'slow') await new Promise((resolve) => setTimeout(resolve, 2 * SLOW_MS));
    const own = init?.signal ?? (input instanceof Request ? input.signal : undefined);
    const signal = AbortSignal.any([requests.signal, ...(own ? [own] : [])]);
    return fetchNow(input, { ...init, signal });
  };
}

/** The network as a client of this tab is told of it: none while it is cut. */
export const tabNetwork: Network = {
  online: () => mode !== 'cut' && navigator.onLine !== false,
  onChange(callback) {
    const stop = new AbortController();
    const { signal } = stop;
    let before = mode;
    window.addEventListener('online', () => callback('online'), { signal });
    window.addEventListener('offline', () => callback('offline'), { signal });
    document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && callback('visible'), {
      signal,
    });
    const stopMode = onNetworkMode(() => {
      if ((before === 'cut') !== (mode === 'cut')) callback(mode === 'cut' ? 'offline' : 'online');
      before = mode;
    });
    return () => {
      stop.abort();
      stopMode();
    };
  },
};

/** The WebSocket of a client of this tab: what it sends and is sent takes longer, or does not come through. */
export class TabSocket implements WebSocketLike {
  readonly #inner: WebSocket;
  readonly #closeListeners: Listener[] = [];
  #isLost = false;
  #sendAt = 0;
  #receiveAt = 0;

  constructor(url: string) {
    this.#inner = new WebSocket(url);
    sockets.add(this);
    this.#inner.addEventListener('close', () => sockets.delete(this));
    if (mode === 'cut') queueMicrotask(() => this.lose());
  }

  send(data: string): void {
    this.#sendAt = this.#after(this.#sendAt, () => {
      if (this.#inner.readyState === WebSocket.OPEN) this.#inner.send(data);
    });
  }

  close(code?: number, reason?: string): void {
    this.#inner.close(code, reason);
  }

  addEventListener(type: 'open' | 'close' | 'error' | 'message', listener: Listener): void {
    if (type === 'close') this.#closeListeners.push(listener);
    this.#inner.addEventListener(type, (event: Event) => {
      // Each of them has what its type says, or nothing of it.
      this.#receiveAt = this.#after(
        this.#receiveAt,
        () => !this.#isLost && listener(event as unknown as Parameters<Listener>[0]),
      );
    });
  }

  /** It is gone, and says so at once. */
  lose(): void {
    if (this.#isLost) return;
    this.#isLost = true;
    sockets.delete(this);
    this.#inner.close();
    for (const listener of this.#closeListeners) listener({ code: ABNORMAL_CLOSURE, reason: '', data: undefined });
  }

  /** In order, whatever was changed meanwhile: nothing overtakes what was sent on a slower network. */
  #after(earliest: number, run: () => void): number {
    const now = performance.now();
    const at = Math.max(earliest, now + (mode === 'slow' ? SLOW_MS : 0));
    if (at <= now) run();
    else setTimeout(run, at - now);
    return at;
  }
}
