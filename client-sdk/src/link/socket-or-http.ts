import type { Clock } from '../clock.ts';
import type { WebSocketLike } from './live-socket.ts';

/** A WebSocket that has neither opened nor failed within this time is left to http: some networks drop its packets. */
const OPEN_TIMEOUT_MS = 2_000;

/**
 * A WebSocket, replaced by http where it does not open; one socket to its user. Each attempt begins with the WebSocket:
 * a server that was away is reached by it when it is back, and only a network that lets none through falls back to
 * http.
 */
export function socketOrHttp(
  webSocket: WebSocketLike,
  openHttp: () => WebSocketLike,
  clock: Pick<Clock, 'after'>,
): WebSocketLike {
  const listeners = new Map<string, Set<(event: never) => void>>();
  let chosen = webSocket;
  let isUndecided = true;
  const cancelTimer = clock.after(OPEN_TIMEOUT_MS, fallBack);

  function decide(): void {
    isUndecided = false;
    cancelTimer();
  }

  function fallBack(): void {
    decide();
    chosen = openHttp();
    webSocket.close();
    relay(chosen);
  }

  function emit(type: string, event: object): void {
    // Each listener was added for events of this type.
    for (const listener of listeners.get(type) ?? []) listener(event as never);
  }

  function relay(socket: WebSocketLike): void {
    const pass = (type: string, event: object): void => {
      if (socket === chosen) emit(type, event);
    };
    for (const type of ['open', 'error', 'close'] as const) socket.addEventListener(type, (event) => pass(type, event));
    socket.addEventListener('message', (event) => pass('message', event));
  }

  webSocket.addEventListener('open', decide);
  // Registered before the relay's listener: with http chosen, this close is not passed on.
  webSocket.addEventListener('close', () => isUndecided && fallBack());
  relay(webSocket);

  return {
    send: (data) => chosen.send(data),
    close(code, reason) {
      decide();
      chosen.close(code, reason);
    },
    addEventListener(type: string, listener: (event: never) => void) {
      listeners.set(type, (listeners.get(type) ?? new Set()).add(listener));
    },
  };
}
