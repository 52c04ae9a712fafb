import type { Clock } from '../../clock.ts';
import { HttpSocket } from './http-socket.ts';
import type { WebSocketConstructor, WebSocketLike } from '../live-socket.ts';
import { socketOrHttp } from '../socket-or-http.ts';

/** How often a WebSocket is tried again while http is in use, in milliseconds. */
const TRIAL_INTERVAL_MS = 60_000;

/** The http transport, for networks that let no WebSocket through. */
export interface HttpFallback {
  /** The WebSocket, or http where that one does not open. */
  readonly instead: (socket: WebSocketLike, url: string) => WebSocketLike;
  readonly close: () => void;
}

/**
 * While http is in use, a WebSocket is tried beside it now and then, and when one opens the link moves back.
 *
 * @param onOpened a WebSocket has opened
 */
export function createHttpFallback(WebSocket: WebSocketConstructor, clock: Clock, onOpened: () => void): HttpFallback {
  let stopTrials = () => {};

  function openHttp(url: string): WebSocketLike {
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
        onOpened();
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

  return { instead: (socket, url) => socketOrHttp(socket, () => openHttp(url), clock), close: () => stopTrials() };
}
