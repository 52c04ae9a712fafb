import { STATUS_CODES } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { applyWSSHandler, jsonEncoder } from '@trpc/server/adapters/ws';
import type { Encoder } from '@trpc/server/adapters/ws';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { RefusalError } from '../../core/errors.ts';
import type { Admission } from './admission.ts';
import type { ConnectionSlots } from '../connection/connection-slots.ts';
import { encodeMessage } from '../procedures/frames.ts';
import { API_LIMITS } from '../limits.ts';
import { appRouter } from '../procedures/router.ts';
import { ServerSocket } from './server-socket.ts';
import { watchSockets } from './heartbeat.ts';

/** Why the server closes a ws connection; the reason travels with the code. */
export const CLOSE_CODES = {
  /** The server restarts: connect again, with a pause that grows. */
  restart: { code: 1012, reason: 'the server restarts' },
  /** Nobody was let in within the time for it. */
  notAdmitted: { code: 4401, reason: 'not admitted in time' },
} as const;

/** How long a socket may take to answer the closing handshake, in milliseconds. */
const CLOSING_MS = 500;

export interface WsServerOptions {
  admission: Admission;
  slots: ConnectionSlots;
  /** How long a connection may take to be let in, in milliseconds. */
  admissionMs: number;
  readonly onError: (error: Error, path: string | undefined) => void;
}

export interface WsServer {
  /** Takes over a socket that asked to become a ws connection. */
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Tells every client to connect again, elsewhere if it can. */
  askToReconnect(): void;
  /** Closes every connection; those that do not answer are cut. */
  close(): Promise<void>;
}

/** tRPC over ws. */
export function createWsServer({ admission, slots, admissionMs, onError }: WsServerOptions): WsServer {
  const wss = new WebSocketServer<typeof ServerSocket>({
    noServer: true,
    maxPayload: API_LIMITS.messageBytes,
    perMessageDeflate: false,
    WebSocket: ServerSocket,
  });
  const stopWatching = watchSockets({
    sockets: wss.clients,
    admissionMs,
    onNotAdmitted: (socket) => socket.close(CLOSE_CODES.notAdmitted.code, CLOSE_CODES.notAdmitted.reason),
  });

  const { broadcastReconnectNotification } = applyWSSHandler({
    wss,
    router: appRouter,
    async createContext(options) {
      const { res: socket } = options;
      if (!(socket instanceof ServerSocket)) throw new Error('not a socket of this server');
      const context = await admission.forSocket(socket, options);
      // The adapter holds the request for as long as the socket; nobody looks at its headers again.
      options.req.headers = {};
      options.req.rawHeaders = [];
      socket.releaseStops();
      return context;
    },
    experimental_encoder: boundedEncoder,
    onError: ({ error, path }) => onError(error, path),
  });

  return {
    upgrade(req, socket, head) {
      const free = slots.take('ws');
      if (!free) {
        refuseUpgrade(socket, 503, slots.refusal().message);
        return;
      }
      // Also when the handshake fails: then there is no ws connection to hear of.
      socket.once('close', free);
      wss.handleUpgrade(req, socket, head, (ws) => {
        ws.attach(socket);
        wss.emit('connection', ws, req);
      });
    },
    askToReconnect: broadcastReconnectNotification,
    async close() {
      stopWatching();
      const { code, reason } = CLOSE_CODES.restart;
      const closed = [...wss.clients].map((client) => closeSocket(client, code, reason));
      wss.close();
      await Promise.all(closed);
    },
  };
}

/** tRPC's JSON, with the first frames of rooms in the place of tickets, and limits to what comes in one frame. */
const boundedEncoder: Encoder = {
  encode: encodeMessage,
  decode(data) {
    const decoded = jsonEncoder.decode(data);
    const messages: unknown[] = Array.isArray(decoded) ? decoded : [decoded];
    if (messages.length > API_LIMITS.frameMessages) {
      throw tooLarge(
        `At most ${API_LIMITS.frameMessages} messages may come in one frame; these are ${messages.length}`,
        API_LIMITS.frameMessages,
      );
    }
    if (messages.some(hasLongId))
      throw tooLarge(`id: at most ${API_LIMITS.requestId} characters`, API_LIMITS.requestId);
    return decoded;
  },
};

function hasLongId(message: unknown): boolean {
  return (
    typeof message === 'object' &&
    message !== null &&
    'id' in message &&
    typeof message.id === 'string' &&
    message.id.length > API_LIMITS.requestId
  );
}

function tooLarge(message: string, limit: number): RefusalError {
  return new RefusalError('TOO_LARGE', message, { limit });
}

function closeSocket(client: WebSocket, code: number, reason: string): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => client.terminate(), CLOSING_MS);
    client.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    client.close(code, reason);
  });
}

/** Answers a request to upgrade with a plain http response. */
export function refuseUpgrade(socket: Duplex, status: number, message: string): void {
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'Connection: close',
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(message)}`,
  ];
  socket.once('finish', () => socket.destroy());
  socket.end(`${head.join('\r\n')}\r\n\r\n${message}`);
}
