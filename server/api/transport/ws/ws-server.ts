import { STATUS_CODES } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { applyWSSHandler, jsonEncoder } from '@trpc/server/adapters/ws';
import type { CreateWSSContextFnOptions, Encoder } from '@trpc/server/adapters/ws';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { CLOSE_CODES } from '../../../core/close-codes.ts';
import { RefusalError } from '../../../core/errors.ts';
import type { Admission } from '../admission.ts';
import { addressKey, type CallerPlace, type CallerPlaces } from '../../connection/caller-places.ts';
import type { ClientAddress } from '../../connection/client-address.ts';
import type { ConnectionSlots } from '../../connection/connection-slots.ts';
import type { Context } from '../../connection/context.ts';
import type { FairTurns } from '../../connection/fair-turns.ts';
import { MessageMeter } from './message-meter.ts';
import type { TcpConnection, TcpConnections } from '../tcp-connections.ts';
import { encodeMessage } from '../../procedures/subscriptions/frames.ts';
import { API_LIMITS } from '../../limits.ts';
import { appRouter } from '../../procedures/router.ts';
import { messagesOf } from './decoded-frame.ts';
import { parseExactJson } from '../exact-json.ts';
import { CLOSE_TIMEOUT_MS, ServerSocket } from './server-socket.ts';
import type { MovableSocket } from './fleet-balance.ts';
import { watchSockets } from './heartbeat.ts';
import { SocketCalls } from './socket-calls.ts';

/** Frames of one message at most; each costs an object, however short it is. */
const MAX_FRAGMENTS = 1_024;

/** Chunks of one frame that may wait for the rest of it; a full-size frame comes in far fewer. */
const MAX_CHUNKS = 4_096;

/** Options of `ws`; its types do not know all of them yet. */
const WS_OPTIONS = {
  noServer: true,
  maxPayload: API_LIMITS.forwardedBytes,
  maxFragments: MAX_FRAGMENTS,
  maxBufferedChunks: MAX_CHUNKS,
  closeTimeout: CLOSE_TIMEOUT_MS,
};

/**
 * Each message stands alone, so that all subscribers can be sent the same bytes, and nothing is kept for any of them.
 */
const DEFLATE_OPTIONS = { serverNoContextTakeover: true, clientNoContextTakeover: true };

/** Options of {@link createWsServer}. */
export interface WsServerOptions {
  readonly admission: Admission;
  readonly slots: ConnectionSlots;
  readonly places: CallerPlaces;
  readonly addressOf: ClientAddress;
  readonly turns: FairTurns;
  readonly connections: TcpConnections;
  /** How long a connection may take to be admitted, in milliseconds. */
  readonly admissionMs: number;
  /** Level at which events are compressed for clients that offer it; 0: not at all. */
  readonly deflateLevel: number;
  /** Whether calls are answered here, and not by tRPC's adapter (`CAMPAIGN_CALLS`). */
  readonly directCalls: boolean;
  /** Called with errors of sockets and frames, and of calls with their path. */
  readonly onError: (error: Error, path: string | undefined) => void;
}

/** The ws part of the port. */
export interface WsServer {
  /** Takes over the socket of an upgrade request that the origin policy has passed. */
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Sends every client tRPC's reconnect notification. */
  notifyReconnect(): void;
  /** The connections of clients; those of relays are none. */
  clients(): MovableSocket[];
  /** Closes every connection; one that does not answer the closing handshake is terminated. */
  close(): Promise<void>;
}

/** The notification upon which a client of tRPC connects anew. */
const RECONNECT = JSON.stringify({ id: null, method: 'reconnect' });

/** tRPC over ws: one adapter for all connections, with admission, heartbeat, and limits for each frame. */
export function createWsServer(options: WsServerOptions): WsServer {
  const { admission, slots, places, addressOf, turns, connections, admissionMs, onError } = options;
  const perMessageDeflate = options.deflateLevel > 0 && DEFLATE_OPTIONS;
  const wss = new WebSocketServer<typeof ServerSocket>({ ...WS_OPTIONS, perMessageDeflate, WebSocket: ServerSocket });
  const stopHeartbeat = watchSockets({
    sockets: wss.clients,
    admissionMs,
    onNotAdmitted: (socket) => socket.reject(CLOSE_CODES.notAdmitted),
  });

  const createContext = async (options: CreateWSSContextFnOptions): Promise<Context> => {
    const { res: socket } = options;
    if (!(socket instanceof ServerSocket)) throw new TypeError('The socket is not a ServerSocket');
    const context = await admission.forSocket(socket, options);
    // tRPC's adapter keeps the request as long as the socket; its headers are not read again.
    options.req.headers = {};
    options.req.rawHeaders = [];
    socket.begin(context.connection);
    const connection = connections.get(options.req.socket);
    if (connection) connection.sender = context.connection;
    return context;
  };
  /** When those were asked to connect again that have not yet. */
  const moved = new WeakMap<ServerSocket, number>();
  const callsOptions = { createContext, decode: boundedEncoder.decode, onError };
  const onSocketError = (error: Error): void => onError(error, undefined);
  /** As {@link releaseAtClose}, made where there is no upgrade request to keep. */
  const meterOf = (connection: TcpConnection, socket: Duplex): MessageMeter =>
    new MessageMeter(connection, socket, () => connections.cut(connection, 'not-admitted'));
  if (!options.directCalls) {
    applyWSSHandler({
      wss,
      router: appRouter,
      createContext,
      experimental_encoder: boundedEncoder,
      onError: ({ error, path }) => onError(error, path),
    });
  }

  return {
    upgrade(req, socket, head) {
      const connection = connections.get(socket);
      // Behind a response that is under way, or closed already.
      if (!connection?.isIdle) {
        socket.destroy();
        return;
      }
      // For its address, until its caller is known.
      const place = places.take(addressKey(addressOf(req)));
      if (!place) {
        refuseUpgrade(socket, 429, places.refusal().message);
        return;
      }
      const free = slots.take('ws');
      if (!free) {
        place.release();
        refuseUpgrade(socket, 503, slots.refusal().message);
        return;
      }
      connections.setIdle(connection, false);
      releaseAtClose(socket, free, place);
      if (asksForSmallWindow(req)) delete req.headers['sec-websocket-extensions'];
      wss.handleUpgrade(req, socket, head, (ws) => {
        const meter = meterOf(connection, socket);
        ws.place = place;
        ws.attach(socket, turns, meter, awaitsParams(req));
        if (ws.extensions !== '') ws.compress(options.deflateLevel);
        if (options.directCalls) {
          ws.on('error', onSocketError);
          ws.calls = new SocketCalls(callsOptions, ws, req, awaitsParams(req));
        } else wss.emit('connection', ws, req);
      });
    },
    notifyReconnect() {
      for (const socket of wss.clients) if (socket.isOpen) socket.send(RECONNECT);
    },
    clients() {
      return [...wss.clients].flatMap((socket) =>
        socket.connection?.isRelay === false ? [movable(socket, moved)] : [],
      );
    },
    async close() {
      stopHeartbeat();
      const { code, reason } = CLOSE_CODES.restart;
      const closed = [...wss.clients].map((client) => closeSocket(client, code, reason));
      wss.close();
      await Promise.all(closed);
    },
  };
}

function movable(socket: ServerSocket, moved: WeakMap<ServerSocket, number>): MovableSocket {
  return {
    openedAt: socket.liveness.openedAt,
    askedAt: moved.get(socket),
    get isMovable() {
      return socket.isOpen && !socket.isWaiting && socket.connection?.isQuiet === true && !moved.has(socket);
    },
    move() {
      moved.set(socket, performance.now());
      socket.send(RECONNECT);
    },
  };
}

/** tRPC's JSON encoder, with encoded frames in the place of frame tickets, and limits for incoming frames. */
const boundedEncoder: Encoder = {
  encode: encodeMessage,
  decode(data) {
    const decoded = messagesOf(data) ?? parseText(data);
    const messages: readonly unknown[] = Array.isArray(decoded) ? decoded : [decoded];
    if (messages.length > API_LIMITS.frameMessages) {
      throw tooLarge(
        `At most ${API_LIMITS.frameMessages} messages may come in one frame; these are ${messages.length}`,
        API_LIMITS.frameMessages,
      );
    }
    if (messages.some(hasUnsafeId)) throw new RefusalError('INVALID', 'id: integers beyond 2^53 would be rounded');
    if (messages.some(hasLongId))
      throw tooLarge(`id: at most ${API_LIMITS.requestId} characters`, API_LIMITS.requestId);
    return decoded;
  },
};

/** Whether the client announces connection params, as tRPC's adapter reads it. */
function awaitsParams({ url = '/' }: IncomingMessage): boolean {
  return new URL(url, 'http://localhost').searchParams.get('connectionParams') === '1';
}

/** Whether the client can inflate no more than a smaller window: what all are sent has the whole one. */
function asksForSmallWindow({ headers }: IncomingMessage): boolean {
  return headers['sec-websocket-extensions']?.includes('server_max_window_bits') === true;
}

/** Binary frames are refused as tRPC's own decoder does it. */
function parseText(data: string | ArrayBuffer | Uint8Array): unknown {
  return typeof data === 'string' ? parseExactJson(data) : jsonEncoder.decode(data);
}

function hasLongId(message: unknown): boolean {
  return (
    typeof message === 'object' &&
    message !== null &&
    'id' in message &&
    typeof message.id === 'string' &&
    message.id.length > API_LIMITS.requestId
  );
}

function hasUnsafeId(message: unknown): boolean {
  return typeof message === 'object' && message !== null && 'id' in message && typeof message.id === 'bigint';
}

function tooLarge(message: string, limit: number): RefusalError {
  return new RefusalError('TOO_LARGE', message, { limit });
}

/**
 * On the socket, not on the ws connection: after a failed handshake there is none. A function of its own, because a
 * listener made among others would keep what those need, such as the upgrade request, for as long as the socket.
 */
function releaseAtClose(socket: Duplex, free: () => void, place: CallerPlace): void {
  socket.once('close', () => {
    free();
    place.release();
  });
}

function closeSocket(client: WebSocket, code: number, reason: string): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => client.terminate(), CLOSE_TIMEOUT_MS);
    client.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    client.close(code, reason);
  });
}

/** Answers an upgrade request with a plain http response, and closes the socket. */
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
