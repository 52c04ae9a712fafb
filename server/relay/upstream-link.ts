import { WebSocket } from 'ws';
import type { RawData } from 'ws';
import { backoffDelay } from '../core/backoff.ts';
import { asError, REASONS, RefusalError, type Reason, type RefusalDetails } from '../core/errors.ts';
import type { RelaySettings } from '../core/stream/replica.ts';
import { encodeLinkMessage } from './link-message.ts';
import { parseSettings } from './settings.ts';

/** The link of a relay to its upstream. */
export interface UpstreamLinkOptions {
  /** `ws://`, `wss://`, `http://` or `https://`, with a path where the server stands behind one; or `unix:` a socket. */
  readonly url: string;
  /** The relay's key: an access key or a token with the grant `relay`; `undefined` where upstream asks for none. */
  readonly key: string | undefined;
  /** Names this relay: it is none of its own upstreams. */
  readonly instance: string;
  /** The link is there, with what upstream says of itself; or it is not any more, and why. */
  readonly onChange: (settings: RelaySettings | undefined, problem: string | undefined) => void;
  /** Bytes of frames were received. */
  readonly onBytes?: (bytes: number) => void;
}

/** What a subscription on the link is told. */
export interface UpstreamSubscriber {
  /**
   * What it throws ends this subscription alone.
   *
   * @param bytes of the message that it came in
   */
  onData(data: unknown, bytes: number): void;
  /** It is over: `undefined` by itself; a refusal; {@link LINK_LOST} where the link was lost. */
  onEnd(error: Error | undefined): void;
}

/** One ws connection to an upstream, made again whenever it is lost. It speaks tRPC's protocol. */
export interface UpstreamLink {
  readonly isUp: boolean;
  /** Counts the connections that were there. */
  readonly generation: number;
  /** Why nothing can be asked now: {@link LINK_LOST}, or `OVERLOADED`; `undefined` where it can. */
  refusal(): RefusalError | undefined;
  /**
   * Asks within the call, so that what is asked in order arrives in order. Rejects with what upstream refuses it for;
   * with `UNAVAILABLE` where it does not answer in time, or is lost.
   *
   * @throws RefusalError within the call, where nothing was sent: {@link refusal}; what `encodeLinkMessage` throws
   */
  query(path: string, input: unknown, timeoutMs: number): Promise<unknown>;
  /**
   * Tells what upstream has to know, however much waits to be sent. Rejects as {@link query}.
   *
   * @throws RefusalError {@link LINK_LOST} within the call, where nothing was sent
   */
  tell(path: string, input: unknown): Promise<unknown>;
  /**
   * @returns ends it; the subscriber is told nothing after that
   * @throws RefusalError as {@link query}: the subscriber is told nothing then
   */
  subscribe(path: string, input: unknown, subscriber: UpstreamSubscriber): () => void;
  /** Connects anew: what it brings cannot be right. */
  distrust(why: string): void;
  stop(): void;
}

/** What subscriptions are told when the link is lost. */
export const LINK_LOST: RefusalError = away('the connection to upstream was lost');

const CONTRACT = '1';
/** The first frame, and the answer to `relay.hello`, have to come within this, in milliseconds. */
const CONNECT_TIMEOUT_MS = 10_000;
/** After so long without a frame the link is asked for a heartbeat, and given up after as long again; milliseconds. */
const PING_AFTER_MS = 2_500;
const PONG_TIMEOUT_MS = 2_500;
const CHECK_INTERVAL_MS = 500;
/** A campaign's image is a document, and a page of entries; JSON may take six bytes for one. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
/** Unsent bytes beyond which nothing more is asked. */
const MAX_UNSENT_BYTES = 32 * 1024 * 1024;
const RECONNECT = { floor: 50, base: 200, cap: 4_000 };

interface Waiting {
  resolve(data: unknown): void;
  reject(error: Error): void;
  readonly cancel: () => void;
}

/** A message of upstream's, as far as it is read. */
interface Message {
  readonly id?: unknown;
  readonly method?: unknown;
  readonly result?: { readonly type?: unknown; readonly data?: unknown };
  readonly error?: { readonly message?: unknown; readonly data?: unknown };
}

export function createUpstreamLink(options: UpstreamLinkOptions): UpstreamLink {
  const address = addressOf(options.url);
  const waiting = new Map<number, Waiting>();
  const subscribers = new Map<number, UpstreamSubscriber>();
  let socket: WebSocket | undefined;
  let ids = 0;
  let isUp = false;
  let generation = 0;
  let attempts = 0;
  let heardAt = 0;
  let pingedAt = 0;
  let openedAt = 0;
  let stopped = false;
  let retry: NodeJS.Timeout | undefined;

  /** Encodes before anything waits for the answer: what cannot be encoded has never been asked. */
  const ask = (path: string, input: unknown, timeoutMs: number): Promise<unknown> => {
    const id = (ids += 1);
    const text = encodeLinkMessage({ id, method: 'query', params: { path, input } });
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(id);
        reject(away(`upstream has not answered ${path} in time`));
      }, timeoutMs);
      waiting.set(id, { resolve, reject, cancel: () => clearTimeout(timer) });
      socket?.send(text);
    });
  };

  const refusal = (): RefusalError | undefined => {
    if (!isUp) return LINK_LOST;
    if ((socket?.bufferedAmount ?? 0) <= MAX_UNSENT_BYTES) return undefined;
    return new RefusalError('OVERLOADED', 'upstream reads too slowly; try again');
  };

  const refuseWhereClosed = (): void => {
    const closed = refusal();
    if (closed) throw closed;
  };

  /** Ends what was under way on a connection, and makes another. */
  const lose = (lost: WebSocket, problem: string): void => {
    if (socket !== lost) return;
    socket = undefined;
    const wasUp = isUp;
    isUp = false;
    lost.terminate();
    const [calls, streams] = [[...waiting.values()], [...subscribers.values()]];
    waiting.clear();
    subscribers.clear();
    for (const { reject, cancel } of calls) {
      cancel();
      reject(LINK_LOST);
    }
    for (const { onEnd } of streams) onEnd(LINK_LOST);
    options.onChange(undefined, problem);
    if (stopped) return;
    // One that was there, and is gone, comes back soon; the others of a fleet have lost it too.
    if (wasUp) attempts = 0;
    retry = setTimeout(connect, backoffDelay(attempts, Math.random(), RECONNECT));
    attempts += 1;
  };

  const greet = async (greeted: WebSocket): Promise<void> => {
    const params = { contract: CONTRACT, ...(options.key && { token: options.key }) };
    greeted.send(JSON.stringify({ method: 'connectionParams', data: params }));
    try {
      const settings = parseSettings(await ask('relay.hello', undefined, CONNECT_TIMEOUT_MS));
      if (socket !== greeted) return;
      if (settings.via.includes(options.instance)) throw new Error('upstream is this relay itself');
      isUp = true;
      generation += 1;
      options.onChange(settings, undefined);
    } catch (error) {
      lose(greeted, error instanceof Error ? error.message : String(error));
    }
  };

  const receive = (data: RawData): void => {
    heardAt = performance.now();
    if (!Buffer.isBuffer(data)) return;
    options.onBytes?.(data.length);
    const text = data.toString();
    if (text === 'PONG') return;
    if (text === 'PING') return socket?.send('PONG');
    const message: unknown = JSON.parse(text);
    if (typeof message !== 'object' || message === null) throw new TypeError('no message');
    dispatch(message, data.length);
  };

  const dispatch = ({ id, method, result, error }: Message, bytes: number): void => {
    // It is about to stop, or sheds load: another one may answer at the same address.
    if (method === 'reconnect' && socket) return lose(socket, 'upstream has asked to connect again');
    if (id === null && error && socket) return lose(socket, refusalOf(error).message);
    if (typeof id !== 'number') return;
    const call = waiting.get(id);
    if (call) {
      waiting.delete(id);
      call.cancel();
      if (error) call.reject(refusalOf(error));
      else call.resolve(result?.data);
      return;
    }
    const subscriber = subscribers.get(id);
    if (!subscriber) return;
    if (error || result?.type === 'stopped') {
      subscribers.delete(id);
      subscriber.onEnd(error && refusalOf(error));
    } else if (result?.type === 'data') {
      try {
        subscriber.onData(result.data, bytes);
      } catch (cause) {
        end(id);
        subscriber.onEnd(asError(cause));
      }
    }
  };

  /** Ends a subscription on the connection that is there. */
  const end = (id: number): void => {
    if (subscribers.delete(id) && isUp) socket?.send(JSON.stringify({ id, method: 'subscription.stop' }));
  };

  function connect(): void {
    if (stopped) return;
    const made = new WebSocket(address, { maxPayload: MAX_MESSAGE_BYTES, perMessageDeflate: false });
    socket = made;
    openedAt = heardAt = performance.now();
    pingedAt = 0;
    made.on('open', () => void greet(made));
    made.on('message', (data) => {
      if (socket !== made) return;
      try {
        receive(data);
      } catch {
        lose(made, 'upstream has sent what cannot be read');
      }
    });
    made.on('error', (error) => lose(made, error.message));
    made.on('close', () => lose(made, 'upstream has closed the connection'));
  }

  const check = (): void => {
    if (!socket) return;
    const now = performance.now();
    if (!isUp) {
      if (now - openedAt > CONNECT_TIMEOUT_MS) lose(socket, 'upstream does not answer');
    } else if (pingedAt > heardAt && now - pingedAt > PONG_TIMEOUT_MS)
      lose(socket, 'upstream does not answer any more');
    else if (pingedAt <= heardAt && now - heardAt > PING_AFTER_MS) {
      pingedAt = now;
      socket.send('PING');
    }
  };
  const timer = setInterval(check, CHECK_INTERVAL_MS);
  connect();

  return {
    get isUp() {
      return isUp;
    },
    get generation() {
      return generation;
    },
    refusal,
    query(path, input, timeoutMs) {
      refuseWhereClosed();
      return ask(path, input, timeoutMs);
    },
    tell(path, input) {
      if (!isUp) throw LINK_LOST;
      return ask(path, input, CONNECT_TIMEOUT_MS);
    },
    subscribe(path, input, subscriber) {
      refuseWhereClosed();
      const id = (ids += 1);
      const text = encodeLinkMessage({ id, method: 'subscription', params: { path, input } });
      subscribers.set(id, subscriber);
      socket?.send(text);
      return () => end(id);
    },
    distrust(why) {
      if (socket) lose(socket, why);
    },
    stop() {
      stopped = true;
      clearInterval(timer);
      clearTimeout(retry);
      if (socket) lose(socket, 'the relay stops');
    },
  };
}

/** The address of upstream's ws connections. */
function addressOf(url: string): string {
  if (url.startsWith('unix:')) return `ws+unix:${url.slice('unix:'.length)}:/trpc?connectionParams=1`;
  const address = new URL(url);
  address.protocol = address.protocol === 'https:' || address.protocol === 'wss:' ? 'wss:' : 'ws:';
  const path = address.pathname.replace(/\/+$/, '');
  address.pathname = path.endsWith('/trpc') ? path : `${path}/trpc`;
  address.search = '?connectionParams=1';
  return address.href;
}

/** Upstream is away, or has not answered: whether it has carried anything out is not known. */
export function away(why: string): RefusalError {
  return new RefusalError('UNAVAILABLE', `${why}; try again`, { retryAfterMs: 1_000 });
}

/** An error of upstream's, as the refusal that it stands for. What is none stays an internal error. */
function refusalOf({ message, data }: NonNullable<Message['error']>): Error {
  const text = typeof message === 'string' ? message : 'upstream has refused it';
  if (typeof data !== 'object' || data === null || !('reason' in data)) return new Error(text);
  // What another server of this contract has made of a refusal (`api/failure.ts`).
  const { reason, code: _code, httpStatus: _status, correlationId: _id, ...details } = data as RefusalData;
  return REASONS.includes(reason) ? new RefusalError(reason, text, details) : new Error(text);
}

interface RefusalData extends RefusalDetails {
  readonly reason: Reason;
  readonly code?: unknown;
  readonly httpStatus?: unknown;
  readonly correlationId?: unknown;
}
