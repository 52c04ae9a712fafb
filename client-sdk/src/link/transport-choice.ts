import type { Clock } from '../clock.ts';
import { HttpSocket } from './http-socket.ts';
import type { WebSocketConstructor, WebSocketLike } from './live-socket.ts';
import { socketOrHttp } from './socket-or-http.ts';

/**
 * So many WebSockets in a row that did not open are a network that lets none through, or a server that is not there:
 * http tells which.
 */
const FAILURES_BEFORE_HTTP = 2;
/** How often a WebSocket is tried again while http does, in milliseconds. */
const TRY_AGAIN_EVERY_MS = 60_000;

export interface TransportChoice {
  /** The next socket of the link. */
  readonly open: (url: string) => WebSocketLike;
  readonly close: () => void;
}

/**
 * WebSockets, and http where the network lets none through: after some that did not open, each further one that does
 * not leaves its attempt to http. While http works, a WebSocket is tried now and then beside it, and the link moves
 * back when one opens.
 */
export function createTransportChoice(WebSocket: WebSocketConstructor, clock: Clock): TransportChoice {
  /** WebSockets in a row that did not open. */
  let failures = 0;
  let endTrials = () => {};

  function open(url: string): WebSocketLike {
    const withHttp = failures >= FAILURES_BEFORE_HTTP;
    const socket = openWebSocket(url);
    return withHttp ? socketOrHttp(socket, () => openHttp(url), clock) : socket;
  }

  function openWebSocket(url: string): WebSocketLike {
    const socket = new WebSocket(url);
    failures += 1;
    socket.addEventListener('open', () => (failures = 0));
    return socket;
  }

  function openHttp(url: string): WebSocketLike {
    const socket = new HttpSocket(url);
    socket.addEventListener('open', () => tryLater(socket, url));
    socket.addEventListener('close', () => endTrials());
    return socket;
  }

  function tryLater(http: HttpSocket, url: string): void {
    endTrials();
    const cancel = clock.after(TRY_AGAIN_EVERY_MS, () => {
      tryLater(http, url);
      const trial = new WebSocket(url);
      trial.addEventListener('error', () => undefined);
      trial.addEventListener('open', () => {
        failures = 0;
        http.close();
      });
      const cancelNext = endTrials;
      endTrials = () => {
        cancelNext();
        trial.close();
      };
    });
    endTrials = cancel;
  }

  return { open, close: () => endTrials() };
}
