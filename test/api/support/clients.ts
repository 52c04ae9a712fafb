import { createTRPCClient, createWSClient, httpBatchLink, httpLink, TRPCClientError, wsLink } from '@trpc/client';
import { WebSocket as RawSocket } from 'ws';
import type { RawData } from 'ws';
import type { ErrorData } from '../../../server/api/failure.ts';
import type { WatchInput } from '../../../server/api/procedures/schemas/read-schemas.ts';
import type { WatchEvent } from '../../../server/core/stream/events.ts';
import type { AppRouter } from '../../../server/index.ts';
import { streamMirror } from '../../support/stream-mirror.ts';
import type { StreamMirror } from '../../support/stream-mirror.ts';
import { cleanUp } from './server.ts';

export type Client = ReturnType<typeof createTRPCClient<AppRouter>>;

interface WsOptions {
  token?: string | undefined;
  contract?: string;
}

/** The stock client over ws. */
export function wsClient(
  url: string,
  { token, contract = '1' }: WsOptions = {},
): Client & { disconnect(): Promise<void> } {
  const socket = createWSClient({
    url: `${url.replace('http', 'ws')}/trpc`,
    connectionParams: { contract, ...(token !== undefined && { token }) },
    retryDelayMs: () => 20,
  });
  cleanUp(() => socket.close());
  const client = createTRPCClient<AppRouter>({ links: [wsLink({ client: socket })] });
  return Object.assign(client, { disconnect: () => socket.close() });
}

function headersOf(token: string | undefined, more: Record<string, string>) {
  return { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...more };
}

/** The stock client over http, one request a call. */
export function httpClient(url: string, token?: string, headers: Record<string, string> = {}): Client {
  return createTRPCClient<AppRouter>({ links: [httpLink({ url: `${url}/trpc`, headers: headersOf(token, headers) })] });
}

export function batchingClient(url: string, token?: string): Client {
  return createTRPCClient<AppRouter>({ links: [httpBatchLink({ url: `${url}/trpc`, headers: headersOf(token, {}) })] });
}

/** What a refused call says; a call that is not refused is an error here. */
export async function refusal(call: Promise<unknown>): Promise<ErrorData & { message: string }> {
  const outcome = await call.then(
    (value: unknown) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ('value' in outcome) throw new Error(`not refused: ${JSON.stringify(outcome.value)}`);
  return errorDataOf(outcome.error);
}

export function errorDataOf(error: unknown): ErrorData & { message: string } {
  if (!(error instanceof TRPCClientError) || !error.data)
    throw new Error('not an error of the server', { cause: error });
  // What the server's formatter makes; the tests are there to see that it does.
  return { ...(error.data as ErrorData), message: error.message };
}

/** A subscription whose events are folded as they come. */
export interface Watching {
  readonly events: WatchEvent[];
  readonly mirror: StreamMirror;
  /** The error that ended it, whether of the server or of the line (G1). */
  error: unknown;
  completed: boolean;
  stop(): void;
}

export function watch(client: Client, input?: WatchInput): Watching {
  const mirror = streamMirror();
  const watching: Watching = {
    events: [],
    mirror,
    error: undefined,
    completed: false,
    stop: () => subscription.unsubscribe(),
  };
  const subscription = client.campaign.watch.subscribe(input, {
    onData({ id, data }) {
      // JSON of the same shape: only the type that tRPC gives it says less.
      const event = data as WatchEvent;
      watching.events.push(event);
      try {
        mirror.take({ resumeId: id, event });
      } catch (error) {
        watching.error = error;
      }
    },
    onError: (error) => (watching.error = error),
    onComplete: () => (watching.completed = true),
  });
  return watching;
}

/** A bare socket to `/trpc`, for what the stock client would never send. */
export interface Raw {
  readonly socket: RawSocket;
  /** Every message that came, parsed; PING and PONG as they are. */
  readonly messages: unknown[];
  /** The code it was closed with, once it was. */
  code: number | undefined;
  reason: string;
  send(message: unknown): void;
  /** The first message with that id, and of that kind, that came or is still to come. */
  answer(id: number | null, kind?: (message: Message) => boolean): Promise<Message>;
}

/** A message of tRPC's protocol, as far as tests look into it. */
export interface Message {
  id: number | null;
  result?: { type: string; data?: unknown; id?: string };
  error?: { message: string; code: number; data: ErrorData };
}

export async function rawSocket(url: string, options: RawOptions = {}): Promise<Raw> {
  const raw = await openRaw(url, options);
  cleanUp(() => raw.socket.terminate());
  return raw;
}

interface RawOptions {
  headers?: Record<string, string>;
  query?: string;
}

/** One that outlives the test; who opens it closes it. */
export async function openRaw(url: string, options: RawOptions = {}): Promise<Raw> {
  const socket = new RawSocket(`${url.replace('http', 'ws')}/trpc${options.query ?? ''}`, {
    headers: options.headers ?? {},
    // What it sends is as many bytes as it is long.
    perMessageDeflate: false,
  });
  const messages: unknown[] = [];
  const waiting = new Set<() => void>();
  const raw: Raw = {
    socket,
    messages,
    code: undefined,
    reason: '',
    send: (message) => socket.send(JSON.stringify(message)),
    answer: (id, kind = () => true) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = messages.find(
            (message): message is Message => isMessage(message) && message.id === id && kind(message),
          );
          if (!found && raw.code === undefined) return;
          waiting.delete(look);
          if (found) resolve(found);
          else reject(new Error(`closed with ${raw.code} before an answer to ${id}`));
        };
        waiting.add(look);
        look();
      }),
  };
  socket.on('message', (data) => {
    const text = textOf(data);
    if (text === 'PING') socket.send('PONG');
    messages.push(text === 'PING' || text === 'PONG' ? text : JSON.parse(text));
    for (const look of waiting) look();
  });
  socket.on('close', (code, reason) => {
    raw.code = code;
    raw.reason = String(reason);
    for (const look of waiting) look();
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  socket.on('error', () => undefined);
  return raw;
}

/** Sockets of `ws` give buffers unless they are told otherwise. */
export function textOf(data: RawData): string {
  return Buffer.isBuffer(data) ? data.toString() : '';
}

function isMessage(value: unknown): value is Message {
  return typeof value === 'object' && value !== null && 'id' in value;
}

/** The status with which an upgrade was refused, and what was said. */
export function refusedUpgrade(
  url: string,
  headers: Record<string, string>,
): Promise<{ status: number; message: string }> {
  return new Promise((resolve, reject) => {
    const socket = new RawSocket(`${url.replace('http', 'ws')}/trpc`, { headers });
    socket.once('open', () => {
      socket.terminate();
      reject(new Error('the upgrade was not refused'));
    });
    socket.once('unexpected-response', (_request, response) => {
      let message = '';
      response.on('data', (chunk: Buffer) => (message += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, message }));
    });
    socket.on('error', () => undefined);
  });
}
