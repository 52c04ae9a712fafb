import type { IncomingMessage } from 'node:http';
import { getTRPCErrorFromUnknown, getTRPCErrorShape, isTrackedEnvelope, TRPCError } from '@trpc/server';
import type { CreateWSSContextFnOptions, Encoder } from '@trpc/server/adapters/ws';
import { parseConnectionParamsFromUnknown } from '@trpc/server/http';
import { parseTRPCMessage } from '@trpc/server/rpc';
import type { Context } from '../../connection/context.ts';
import { callProcedure } from '../../procedures/call-procedure.ts';
import { encodeFirstFrame, encodeMessageFrame } from '../../procedures/subscriptions/frames.ts';
import { appRouter } from '../../procedures/router.ts';
import type { ServerSocket } from './server-socket.ts';

/** What the calls of all ws connections share. */
export interface SocketCallsOptions {
  readonly createContext: (options: CreateWSSContextFnOptions) => Promise<Context>;
  readonly decode: Encoder['decode'];
  /** Called with errors of sockets and frames, and of calls with their path. */
  readonly onError: (error: Error, path: string | undefined) => void;
}

/** Why signals are aborted here. One for all: by default each abort makes an exception, with its stack. */
const ENDED = new Error('The subscription or its connection has ended');

type CallType = 'query' | 'mutation' | 'subscription';
type RequestId = number | string | null;
type ConnectionParams = CreateWSSContextFnOptions['info']['connectionParams'];

/** A request of tRPC's protocol, checked. */
interface Request {
  readonly id: RequestId;
  readonly jsonrpc: '2.0' | undefined;
  readonly path: string;
  readonly type: CallType;
  readonly input: unknown;
}

/** A subscription from its request to its end. */
interface OpenSubscription {
  readonly request: Request;
  readonly stopped: AbortController;
  /** `undefined` until the procedure has answered. */
  iterator: AsyncIterator<unknown> | undefined;
}

/**
 * The calls of one ws connection, in tRPC's protocol: the same messages, errors and order as those of tRPC's adapter,
 * at less of its cost. A query or mutation makes no abort signal, which nothing would fire; a subscription that waits
 * for its next event keeps one promise; and the upgrade request is not kept. A class, because there is one per socket.
 */
export class SocketCalls {
  readonly #options: SocketCallsOptions;
  readonly #socket: ServerSocket;
  readonly #closed = new AbortController();
  /** The upgrade request, until there is a context. */
  #req: IncomingMessage | undefined;
  #ctx: Context | undefined;
  #subscriptions: Map<RequestId, OpenSubscription> | undefined;

  /** @param awaitsParams whether the first message holds tRPC's connection params, for which the context waits */
  constructor(options: SocketCallsOptions, socket: ServerSocket, req: IncomingMessage, awaitsParams: boolean) {
    this.#options = options;
    this.#socket = socket;
    this.#req = req;
    if (!awaitsParams) void this.#open(req, () => null);
  }

  /** Takes a message; until there is a context only the one with the connection params comes. */
  receive(data: Buffer, isBinary: boolean): void {
    const text = isBinary ? undefined : data.toString();
    if (text === 'PONG') return;
    if (text === 'PING') {
      this.#socket.send('PONG');
      return;
    }
    const req = this.#req;
    if (req) {
      void this.#open(req, () => connectionParamsOf(this.#options.decode, text ?? data));
      return;
    }
    let requests: (Request | StopRequest)[];
    try {
      const decoded = this.#options.decode(text ?? data);
      const messages: unknown[] = Array.isArray(decoded) ? decoded : [decoded];
      requests = messages.map(requestOf);
    } catch (cause) {
      this.#send({ id: null, error: this.#shapeOf(new TRPCError({ code: 'PARSE_ERROR', cause })) });
      return;
    }
    for (const request of requests) this.#start(request);
  }

  /** The socket was closed: ends the subscriptions. */
  close(): void {
    for (const subscription of this.#subscriptions?.values() ?? []) this.#stop(subscription);
    this.#closed.abort(ENDED);
  }

  /** Makes the context. A connection without one is told why, and closed. */
  async #open(req: IncomingMessage, paramsOf: () => ConnectionParams): Promise<void> {
    this.#req = undefined;
    try {
      this.#ctx = await this.#options.createContext({
        req,
        res: this.#socket,
        info: {
          connectionParams: paramsOf(),
          calls: [],
          isBatchCall: false,
          accept: null,
          type: 'unknown',
          signal: this.#closed.signal,
          url: null,
        },
      });
    } catch (cause) {
      this.#fail({ id: null }, cause);
      setImmediate(() => this.#socket.close());
    }
  }

  #start(request: Request | StopRequest): void {
    const { id } = request;
    if (id === null) {
      this.#fail({ id }, new TRPCError({ code: 'PARSE_ERROR', message: '`id` is required' }));
    } else if (!('path' in request)) {
      const subscription = this.#subscriptions?.get(id);
      if (!subscription) return;
      this.#stop(subscription);
      this.#send({ id, jsonrpc: subscription.request.jsonrpc, result: { type: 'stopped' } });
    } else if (request.type === 'subscription') void this.#subscribe(request);
    else void this.#answer(request);
  }

  async #answer(request: Request): Promise<void> {
    const { id, jsonrpc } = request;
    try {
      const data = await this.#call(request, undefined);
      this.#send({ id, jsonrpc, result: { type: 'data', data } });
    } catch (cause) {
      this.#fail(request, cause);
    }
  }

  async #subscribe(request: Request): Promise<void> {
    const { id, jsonrpc } = request;
    const subscriptions = (this.#subscriptions ??= new Map());
    if (subscriptions.has(id)) {
      this.#fail(request, new TRPCError({ code: 'BAD_REQUEST', message: `Duplicate id ${id}` }));
      return;
    }
    const stopped = new AbortController();
    const subscription: OpenSubscription = { request, stopped, iterator: undefined };
    subscriptions.set(id, subscription);
    const isOver = (): boolean => stopped.signal.aborted;
    let isStarted = false;
    try {
      const iterator = iteratorOf(await this.#call(request, stopped.signal), request);
      subscription.iterator = iterator;
      // Stopped before it began: whoever did that has found no iterator.
      if (isOver()) return void (await iterator.return?.());
      let next = iterator.next();
      isStarted = true;
      this.#send({ id, jsonrpc, result: { type: 'started' } });
      for (;;) {
        const result = await next;
        if (isOver()) return;
        if (result.done === true) break;
        this.#send({ id, jsonrpc, result: dataOf(result.value) });
        next = iterator.next();
      }
    } catch (cause) {
      // What fails behind its stop concerns nobody.
      if (isOver()) return;
      this.#fail(request, cause);
    }
    this.#stop(subscription);
    if (isStarted) this.#send({ id, jsonrpc, result: { type: 'stopped' } });
  }

  /** Ends a subscription, and gives its request id free. */
  #stop({ request, stopped, iterator }: OpenSubscription): void {
    this.#subscriptions?.delete(request.id);
    stopped.abort(ENDED);
    // A source that cannot end is its own affair; it has reported that.
    iterator?.return?.().catch(() => undefined);
  }

  #call({ path, type, input }: Request, signal: AbortSignal | undefined): Promise<unknown> {
    const ctx = this.#ctx;
    if (!ctx) throw new TRPCError({ code: 'NOT_FOUND', message: 'The connection has no context yet' });
    return callProcedure({ ctx, path, type, input, signal });
  }

  #fail(request: Request | { readonly id: RequestId; readonly jsonrpc?: undefined }, cause: unknown): void {
    const error = getTRPCErrorFromUnknown(cause);
    const { id, jsonrpc } = request;
    const call = 'path' in request ? request : undefined;
    this.#options.onError(error, call?.path);
    this.#send({ id, jsonrpc, error: this.#shapeOf(error, call) });
  }

  #shapeOf(error: TRPCError, call?: Request): unknown {
    return getTRPCErrorShape({
      config: appRouter._def._config,
      error,
      type: call?.type ?? 'unknown',
      path: call?.path,
      input: call?.input,
      ctx: this.#ctx,
    });
  }

  #send(message: unknown): void {
    const first = this.#socket.deflateLevel > 0 ? encodeFirstFrame(message) : undefined;
    if (first) this.#socket.writeFrame(first);
    else this.#socket.sendFrame(encodeMessageFrame(message));
  }
}

/** The end of a subscription, as its client asks for it. */
interface StopRequest {
  readonly id: RequestId;
}

/** @throws Error where it is no message of the protocol */
function requestOf(message: unknown): Request | StopRequest {
  const parsed = parseTRPCMessage(message, appRouter._def._config.transformer);
  const { id, method } = parsed;
  if (method === 'subscription.stop') return { id };
  const { path, input, lastEventId } = parsed.params;
  return { id, jsonrpc: parsed.jsonrpc, path, type: method, input: withLastEvent(input, lastEventId) };
}

/** The input with the id of the last event that the client has seen, where it said one. */
function withLastEvent(input: unknown, lastEventId: string | undefined): unknown {
  if (lastEventId === undefined) return input;
  if (typeof input === 'object' && input !== null && !Array.isArray(input)) return { ...input, lastEventId };
  return input ?? { lastEventId };
}

/** @throws TRPCError `PARSE_ERROR` where they cannot be read */
function connectionParamsOf(decode: Encoder['decode'], data: string | Uint8Array): ConnectionParams {
  let message: unknown;
  try {
    message = decode(data);
    if (typeof message !== 'object' || message === null) throw new Error('Message was not an object');
  } catch (cause) {
    throw new TRPCError({ code: 'PARSE_ERROR', message: 'Malformed TRPCConnectionParamsMessage', cause });
  }
  return parseConnectionParamsFromUnknown('data' in message ? message.data : undefined);
}

function iteratorOf(result: unknown, { path }: Request): AsyncIterator<unknown> {
  if (typeof result === 'object' && result !== null && Symbol.asyncIterator in result) {
    // What a subscription's procedure returns (`procedures/subscriptions/subscription.ts`).
    return (result as AsyncIterable<unknown>)[Symbol.asyncIterator]();
  }
  throw new TRPCError({ code: 'INTERNAL_SERVER_ERROR', message: `Subscription ${path} did not return an iterable` });
}

/** The result that carries a value; a tracked one names the id from which a client resumes. */
function dataOf(value: unknown): object {
  if (!isTrackedEnvelope(value)) return { type: 'data', data: value };
  const [id, data] = value;
  return { type: 'data', data: { id, data }, id };
}
