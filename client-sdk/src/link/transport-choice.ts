import type { Clock } from '../clock.ts';
import { AbsentSocket } from './absent-socket.ts';
import type { HttpFallback } from './http/http-fallback.ts';
import type { WebSocketConstructor, WebSocketLike } from './live-socket.ts';

/**
 * After so many WebSockets in a row that did not open, either the network lets none through or the server is away: http
 * tells which.
 */
const FAILURES_BEFORE_HTTP = 2;

export interface TransportChoice {
  /** Opens the link's next socket. */
  readonly open: (url: string) => WebSocketLike;
  readonly close: () => void;
}

/**
 * Chooses WebSockets, and falls back to http where the network lets none through. The code for that is loaded when it
 * is needed, which on few pages it ever is; until it is there, WebSockets are tried.
 */
export function createTransportChoice(WebSocket: WebSocketConstructor, clock: Clock): TransportChoice {
  /** WebSockets in a row that did not open; where there are none, nothing else is to be waited for. */
  let failures = WebSocket === AbsentSocket ? FAILURES_BEFORE_HTTP : 0;
  let fallback: HttpFallback | undefined;
  let isLoading = false;

  function loadFallback(): void {
    // Where the body of an answer cannot be read as it comes, as in React Native, there are no streams over http.
    if (isLoading || !canStreamOverHttp()) return;
    isLoading = true;
    import('./http/http-fallback.ts').then(
      ({ createHttpFallback }) => (fallback = createHttpFallback(WebSocket, clock, onOpened)),
      // Without a network: it is tried again with the next attempt.
      () => (isLoading = false),
    );
  }

  function onOpened(): void {
    failures = 0;
  }

  return {
    open(url) {
      const canFallBack = failures >= FAILURES_BEFORE_HTTP;
      const socket = new WebSocket(url);
      socket.addEventListener('open', onOpened);
      failures += 1;
      if (failures >= FAILURES_BEFORE_HTTP) loadFallback();
      return canFallBack && fallback ? fallback.instead(socket, url) : socket;
    },
    close: () => fallback?.close(),
  };
}

export function canStreamOverHttp(): boolean {
  return typeof fetch === 'function' && typeof ReadableStream === 'function';
}
