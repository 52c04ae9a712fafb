import { ABNORMAL_CLOSURE, type WebSocketLike } from './live-socket.ts';

/** The WebSocket of a page or runtime without any: it never opens, so that the link goes over http. */
export class AbsentSocket implements WebSocketLike {
  send(): void {}
  close(): void {}
  addEventListener(type: string, listener: (event: never) => void): void {
    // Like a browser's: after whoever has made it has listened for everything. The event is the one for `close`.
    if (type === 'close') queueMicrotask(() => listener({ code: ABNORMAL_CLOSURE, reason: '' } as never));
  }
}
