import type { EventSourceMessage } from 'eventsource-parser';
import type { Clock } from '../../clock.ts';
import { readHttpFailure } from './http-failure.ts';
import { ABNORMAL_CLOSURE, type WebSocketLike } from '../live-socket.ts';
import { TIMED_OUT } from '../local-close-codes.ts';
import { readServerSentEvents } from './server-sent-events.ts';

/** What `rpc-link.ts` and `connection.ts` send over a socket. */
type Message =
  | { readonly method: 'connectionParams'; readonly data: Readonly<Record<string, string>> }
  | { readonly method: 'subscription.stop'; readonly id: number }
  | {
      readonly method: 'query' | 'mutation' | 'subscription';
      readonly id: number;
      readonly params: { readonly path: string; readonly input?: unknown; readonly lastEventId?: string };
    };

type Call = Extract<Message, { params: unknown }>;

/**
 * A stream that brought nothing for so long stands still behind a proxy, though other requests get through, in
 * milliseconds. The server sends each stream a ping every 15 s.
 */
const STREAM_TIMEOUT_MS = 20_000;

/**
 * Streams of one page without HTTP/2, that of all campaigns and further ones. Browsers open at most six connections to
 * a host, and a stream keeps one: with all six taken, no edit would get through.
 */
const MAX_STREAMS = 4;

/** Campaigns that share a stream, of the 32 that the server takes; the input of all is part of an address. */
const MAX_SHARING = 32;
const MAX_INPUT_CHARACTERS = 6_000;

/**
 * The fallback transport, for networks that let no WebSocket through: a socket that carries tRPC's messages as http
 * requests and server-sent events. Above it nothing differs: reconnects, resumed streams, the heartbeat and the outbox
 * are those of any socket.
 *
 * Where a request finds no server, the whole socket closes, as a WebSocket would, and the link reconnects.
 */
export class HttpSocket implements WebSocketLike {
  #state: 'connecting' | 'open' | 'closed' = 'connecting';
  readonly #base: string;
  readonly #abort = new AbortController();
  readonly #streams = new Map<number, AbortController>();
  /** Campaigns that are watched, by the ids of their subscriptions. They share one stream. */
  readonly #watched = new Map<number, Watched>();
  #shared = new AbortController();
  #isSharing = false;
  readonly #listeners = new Map<string, Set<(event: never) => void>>();
  readonly #clock: Pick<Clock, 'after'>;
  #headers: Record<string, string> = {};
  /** Mutations are sent one after the other: over http nothing else would keep their order (G7). */
  #lastMutation: Promise<void> = Promise.resolve();
  /** Mutations that have not been sent yet, by id. */
  readonly #waiting = new Set<number>();

  /** @param url as for a WebSocket: `ws(s)://…/trpc?…` */
  constructor(url: string, clock: Pick<Clock, 'after'>) {
    this.#base = url.replace(/^ws/, 'http').replace(/\?.*$/, '');
    this.#clock = clock;
    void this.#open();
  }

  async #open(): Promise<void> {
    const address = this.#base.replace(/\/trpc$/, '/livez');
    const response = await this.#get(address);
    if (!response && (await this.#answersOtherPages(address))) {
      const message = `A server answers at ${address}, but not to pages of ${location.origin}: is that in ALLOWED_ORIGINS?`;
      return this.#end(4403, message);
    }
    if (!response) return this.close();
    if (!isHealth(response)) return this.#endFor(response, await textOf(response));
    if (this.#state !== 'connecting') return;
    this.#state = 'open';
    this.#emit('open', {});
  }

  send(text: string): void {
    if (text !== 'PING') return this.#carry(JSON.parse(text));
    void this.#get(this.#base.replace(/\/trpc$/, '/livez')).then(
      (response) => response && isHealth(response) && this.#receive('PONG'),
    );
  }

  close(): void {
    this.#end(ABNORMAL_CLOSURE, '');
  }

  #end(code: number, reason: string): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#abort.abort();
    this.#emit('close', { code, reason });
  }

  /** Ends because of an answer that is none of the server's API. */
  #endFor(response: Response, text: string): void {
    const { code, message } = readHttpFailure(response, text);
    this.#end(code, message);
  }

  addEventListener(type: string, listener: (event: never) => void): void {
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners.add(listener));
  }

  #emit(type: string, event: object): void {
    for (const listener of this.#listeners.get(type) ?? []) listener(event as never);
  }

  #receive(data: string): void {
    if (this.#state === 'open') this.#emit('message', { data });
  }

  #respond(id: number, answer: object): void {
    this.#receive(JSON.stringify({ id, ...answer }));
  }

  #get(address: string, init?: RequestInit): Promise<Response | undefined> {
    return fetch(address, { cache: 'no-store', signal: this.#abort.signal, ...init }).catch(() => undefined);
  }

  /** Whether a browser kept the answer from this page alone, which looks to it as if there were no server. */
  async #answersOtherPages(address: string): Promise<boolean> {
    if (typeof location === 'undefined' || address.startsWith(`${location.origin}/`)) return false;
    return (await this.#get(address, { mode: 'no-cors' })) !== undefined;
  }

  #carry(message: Message): void {
    if (message.method === 'connectionParams') {
      const { token, contract = '' } = message.data;
      this.#headers = {
        'x-campaign-contract': contract,
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      };
    } else if (message.method === 'subscription.stop') {
      this.#waiting.delete(message.id);
      this.#streams.get(message.id)?.abort();
      this.#streams.delete(message.id);
      if (this.#watched.delete(message.id)) this.#share();
    } else if (message.method === 'subscription' && message.params.path === 'campaign.watch') {
      this.#watched.set(message.id, { input: message.params.input, lastEventId: message.params.lastEventId });
      this.#share();
    } else if (message.method === 'subscription') {
      void this.#subscribe(message);
    } else if (message.method === 'mutation') {
      this.#waiting.add(message.id);
      this.#lastMutation = this.#lastMutation.then(() =>
        this.#waiting.delete(message.id) ? this.#request(message) : undefined,
      );
    } else {
      void this.#request(message);
    }
  }

  async #request({ id, method, params }: Call): Promise<void> {
    const response =
      method === 'query'
        ? this.#fetch(`${params.path}${inputOf(params.input)}`, { headers: this.#headers })
        : this.#fetch(params.path, {
            method: 'POST',
            headers: { ...this.#headers, 'content-type': 'application/json' },
            body: JSON.stringify(params.input ?? null),
          });
    const answer = await response;
    if (!answer) return this.close();
    const text = await textOf(answer);
    const body = parseJson(text);
    if (!isResponse(body)) return this.#endFor(answer, text);
    this.#respond(id, 'error' in body ? { error: body.error } : { result: { type: 'data', data: body.result.data } });
    // Rights belong to a connection, and over http each request is one: the streams reconnect with the token that was
    // just accepted.
    if (params.path === 'session.authenticate' && 'result' in body) this.close();
  }

  async #subscribe({ id, params }: Call): Promise<void> {
    const others = this.#watched.size > 0 ? 1 : 0;
    if (this.#streams.size + others >= MAX_STREAMS && !isMultiplexed(this.#base))
      return this.#respond(id, { error: tooManyStreams() });
    const stop = new AbortController();
    this.#streams.set(id, stop);
    const { path, input, lastEventId } = params;
    await this.#stream(`${path}${inputOf(input)}`, lastEventId, stop.signal, {
      relay: (event) => this.#relay(id, event),
      refused: (error) => this.#respond(id, { error }),
    });
    this.#streams.delete(id);
  }

  /** Begins the stream of all campaigns anew, with those that have come to be watched, or have ceased to, in one go. */
  #share(): void {
    if (this.#isSharing) return;
    this.#isSharing = true;
    queueMicrotask(() => {
      this.#isSharing = false;
      this.#shared.abort();
      this.#shared = new AbortController();
      for (const ids of groupsOf(this.#watched)) void this.#watch(ids, this.#shared.signal);
    });
  }

  async #watch(ids: readonly number[], stop: AbortSignal): Promise<void> {
    const streams = ids.map((id) => streamOf(this.#watched.get(id)));
    const end = (answer: object): void => {
      for (const id of ids) if (this.#watched.delete(id)) this.#respond(id, answer);
    };
    await this.#stream(`campaign.watchMany${inputOf({ streams })}`, undefined, stop, {
      refused: (error) => end({ error }),
      relay: ({ event = 'message', data }) => {
        if (event === 'message') this.#relayShared(ids, JSON.parse(data));
        else if (event === 'connected') for (const id of ids) this.#respond(id, { result: { type: 'started' } });
        else if (event === 'return') end({ result: { type: 'stopped' } });
        else if (event === 'serialized-error') end({ error: JSON.parse(data) });
        else this.#receive('PONG');
        return event !== 'return' && event !== 'serialized-error';
      },
    });
  }

  /**
   * Passes on what one of several campaigns has brought. One that is not watched any more may still bring something.
   */
  #relayShared(ids: readonly number[], { index, ...brought }: SharedEvent): void {
    const id = ids[index];
    const watched = id === undefined ? undefined : this.#watched.get(id);
    if (id === undefined || !watched) return;
    if ('error' in brought) {
      this.#watched.delete(id);
      return this.#respond(id, { error: brought.error });
    }
    watched.lastEventId = brought.id;
    this.#respond(id, { result: { type: 'data', id: brought.id, data: { id: brought.id, data: brought.event } } });
  }

  /** Reads a stream to its end. It ends with the socket, which it closes where it was cut off. */
  async #stream(
    path: string,
    lastEventId: string | undefined,
    stop: AbortSignal,
    { relay, refused }: StreamObserver,
  ): Promise<void> {
    const headers = {
      ...this.#headers,
      accept: 'text/event-stream',
      ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
    };
    const signal = AbortSignal.any([stop, this.#abort.signal]);
    const response = await this.#fetch(path, { headers, signal });
    if (!response?.body) return stop.aborted ? undefined : this.close();
    if (!(response.headers.get('content-type') ?? '').startsWith('text/event-stream')) {
      const text = await textOf(response);
      const refusal = parseJson(text);
      if (isResponse(refusal) && 'error' in refusal) return refused(refusal.error);
      return this.#endFor(response, text);
    }
    let cancelTimeout = () => {};
    const awaitChunk = () => {
      cancelTimeout();
      cancelTimeout = this.#clock.after(STREAM_TIMEOUT_MS, () =>
        this.#end(TIMED_OUT, 'The stream brings no heartbeat any more'),
      );
    };
    awaitChunk();
    try {
      for await (const event of readServerSentEvents(response.body, awaitChunk)) {
        if (stop.aborted || !relay(event)) return;
      }
    } catch {
      // Cut off or stopped: the signal says which.
    } finally {
      cancelTimeout();
    }
    if (!stop.aborted) this.close();
  }

  /** Passes an event on as a message of the socket; false where it was the stream's last. */
  #relay(id: number, { event = 'message', data, id: eventId }: EventSourceMessage): boolean {
    switch (event) {
      case 'message': {
        const value: unknown = JSON.parse(data);
        this.#respond(id, {
          result:
            eventId === undefined
              ? { type: 'data', data: value }
              : { type: 'data', id: eventId, data: { id: eventId, data: value } },
        });
        return true;
      }
      case 'connected':
        this.#respond(id, { result: { type: 'started' } });
        return true;
      case 'return':
        this.#respond(id, { result: { type: 'stopped' } });
        return false;
      case 'serialized-error':
        this.#respond(id, { error: JSON.parse(data) });
        return false;
      default:
        // A ping is a heartbeat.
        this.#receive('PONG');
        return true;
    }
  }

  #fetch(path: string, init: RequestInit): Promise<Response | undefined> {
    return this.#get(`${this.#base}/${path}`, init);
  }
}

/** What a stream brings. */
interface StreamObserver {
  /** @returns false where it was the last event */
  readonly relay: (event: EventSourceMessage) => boolean;
  readonly refused: (error: unknown) => void;
}

/** A campaign that is watched, and where its stream goes on. */
interface Watched {
  readonly input: unknown;
  lastEventId: string | undefined;
}

/** An event of `campaign.watchMany`. */
type SharedEvent = { readonly index: number } & (
  | { readonly id: string; readonly event: unknown }
  | { readonly error: unknown }
);

/** The input of one campaign among several. */
function streamOf(watched: Watched | undefined): object {
  const { input, lastEventId } = watched ?? {};
  return { ...(typeof input === 'object' && input), ...(lastEventId !== undefined && { lastEventId }) };
}

/** The subscriptions that share a stream: nearly always all of them. */
function groupsOf(watched: ReadonlyMap<number, Watched>): number[][] {
  const groups: number[][] = [];
  let characters = 0;
  for (const [id, one] of watched) {
    const length = inputOf(streamOf(one)).length;
    const group = groups.at(-1);
    if (group && group.length < MAX_SHARING && characters + length <= MAX_INPUT_CHARACTERS) group.push(id);
    else {
      groups.push([id]);
      characters = 0;
    }
    characters += length;
  }
  return groups;
}

function inputOf(input: unknown): string {
  return input === undefined ? '' : `?input=${encodeURIComponent(JSON.stringify(input))}`;
}

function isResponse(body: unknown): body is { error: unknown } | { result: { data: unknown } } {
  return typeof body === 'object' && body !== null && ('error' in body || 'result' in body);
}

function textOf(response: Response): Promise<string> {
  return response.text().catch(() => '');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether it is the server's health, and not the page of a network that wants a login first. */
function isHealth({ ok, headers }: Response): boolean {
  return ok && (headers.get('content-type') ?? '').startsWith('application/json');
}

/**
 * Whether requests to that address share connections: browsers speak HTTP/2 over TLS alone, and hide some protocols.
 */
function isMultiplexed(base: string): boolean {
  if (typeof document === 'undefined') return true;
  if (base.startsWith('http:')) return false;
  const seen = performance.getEntriesByType('resource').filter(({ name }) => name.startsWith(base));
  return !seen.some((entry) => 'nextHopProtocol' in entry && entry.nextHopProtocol === 'http/1.1');
}

/** As the server refuses what is above one of its limits. */
function tooManyStreams(): object {
  const message =
    `A page can have ${MAX_STREAMS} streams, one of which is that of all campaigns, where no WebSocket gets through ` +
    'and the server is not reached over HTTP/2';
  const data = {
    code: 'TOO_MANY_REQUESTS',
    httpStatus: 429,
    reason: 'RATE_LIMITED',
    limit: MAX_STREAMS,
    retryable: true,
  };
  return { code: -32029, message, data };
}
