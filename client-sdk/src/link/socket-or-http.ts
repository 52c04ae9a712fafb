import type { Clock } from '../clock.ts';
import type { WebSocketLike } from './live-socket.ts';

/**
 * A WebSocket that has neither opened nor failed within this will not open, in milliseconds: some networks swallow it
 * without a word.
 */
const OPENS_WITHIN_MS = 2_000;

/**
 * A WebSocket, and http in its place where that does not open; one socket to everyone above. The WebSocket comes first
 * each time: a server that was away lets it in when it is back, and only a network that lets none through leaves it to
 * http.
 */
export function socketOrHttp(
  webSocket: WebSocketLike,
  openHttp: () => WebSocketLike,
  clock: Pick<Clock, 'after'>,
): WebSocketLike {
  const listeners = new Map<string, Set<(event: never) => void>>();
  let chosen = webSocket;
  let undecided = true;
  const cancelTimer = clock.after(OPENS_WITHIN_MS, takeHttp);

  function decide(): void {
    undecided = false;
    cancelTimer();
  }

  function takeHttp(): void {
    decide();
    chosen = openHttp();
    relay(chosen);
    webSocket.close();
  }

  function relay(socket: WebSocketLike): void {
    const tell = (type: string, event: object): void => {
      if (socket !== chosen) return;
      // Each of them was added for events of this type.
      for (const listener of listeners.get(type) ?? []) listener(event as never);
    };
    for (const type of ['open', 'error', 'close'] as const) socket.addEventListener(type, (event) => tell(type, event));
    socket.addEventListener('message', (event) => tell('message', event));
  }

  webSocket.addEventListener('open', decide);
  // Before the relay's own: with http chosen, this end is not told.
  webSocket.addEventListener('close', () => undecided && takeHttp());
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
