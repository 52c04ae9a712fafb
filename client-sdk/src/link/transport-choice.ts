import type { Clock } from '../clock.ts';
import type { WebSocketConstructor, WebSocketLike } from './live-socket.ts';
import { socketOrHttp } from './socket-or-http.ts';

/**
 * After so many WebSockets in a row that did not open, either the network lets none through or the server is away: http
 * tells which.
 */
const FAILURES_BEFORE_HTTP = 2;
/** How often a WebSocket is tried again while http is in use, in milliseconds. */
const TRIAL_INTERVAL_MS = 60_000;

export interface TransportChoice {
  /** Opens the link's next socket. */
  readonly open: (url: string) => WebSocketLike;
  readonly close: () => void;
}

/**
 * Chooses WebSockets, and falls back to http where the network lets none through. While http is in use, a WebSocket is
 * tried beside it now and then, and when one opens the link moves back.
 */
export function createTransportChoice(WebSocket: WebSocketConstructor, clock: Clock): TransportChoice {
  /** WebSockets in a row that did not open. */
  let failures = 0;
  let stopTrials = () => {};

  function open(url: string): WebSocketLike {
    const canFallBack = failures >= FAILURES_BEFORE_HTTP;
    const socket = openWebSocket(url);
    return canFallBack ? socketOrHttp(socket, () => openHttp(url), clock) : socket;
  }

  function openWebSocket(url: string): WebSocketLike {
    const socket = new WebSocket(url);
    failures += 1;
    socket.addEventListener('open', () => (failures = 0));
    return socket;
  }

  /** The code of the http transport is loaded when it is needed: few pages ever do. */
  async function openHttp(url: string): Promise<WebSocketLike> {
    const { HttpSocket } = await import('./http-socket.ts');
    const socket = new HttpSocket(url, clock);
    socket.addEventListener('open', () => scheduleTrial(socket, url));
    socket.addEventListener('close', () => stopTrials());
    return socket;
  }

  function scheduleTrial(http: WebSocketLike, url: string): void {
    stopTrials();
    const cancel = clock.after(TRIAL_INTERVAL_MS, () => {
      scheduleTrial(http, url);
      const trial = new WebSocket(url);
      trial.addEventListener('error', () => undefined);
      trial.addEventListener('open', () => {
        failures = 0;
        http.close();
      });
      const cancelNext = stopTrials;
      stopTrials = () => {
        cancelNext();
        trial.close();
      };
    });
    stopTrials = cancel;
  }

  return { open, close: () => stopTrials() };
}
