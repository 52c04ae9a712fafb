import type { WebSocketLike } from './live-socket.ts';
import type { EventSourceMessage } from 'eventsource-parser';
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
  readonly #listeners = new Map<string, Set<(event: never) => void>>();
  #headers: Record<string, string> = {};
  /** Mutations are sent one after the other: over http nothing else would keep their order (G7). */
  #lastMutation: Promise<void> = Promise.resolve();

  /** @param url as for a WebSocket: `ws(s)://…/trpc?…` */
  constructor(url: string) {
    this.#base = url.replace(/^ws/, 'http').replace(/\?.*$/, '');
    void this.#isServerUp().then((isUp) => {
      if (this.#state !== 'connecting') return;
      if (!isUp) return this.close();
      this.#state = 'open';
      this.#emit('open', {});
    });
  }

  send(text: string): void {
    if (text === 'PING') {
      void this.#isServerUp().then((isUp) => isUp && this.#receive('PONG'));
      return;
    }
    this.#carry(JSON.parse(text));
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#abort.abort();
    this.#emit('close', { code: 1006, reason: '' });
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

  async #isServerUp(): Promise<boolean> {
    const answer = await fetch(this.#base.replace(/\/trpc$/, '/livez'), {
      cache: 'no-store',
      signal: this.#abort.signal,
    }).catch(() => undefined);
    return answer?.ok === true;
  }

  #carry(message: Message): void {
    if (message.method === 'connectionParams') {
      const { token, contract = '' } = message.data;
      this.#headers = {
        'x-campaign-contract': contract,
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      };
    } else if (message.method === 'subscription.stop') {
      this.#streams.get(message.id)?.abort();
      this.#streams.delete(message.id);
    } else if (message.method === 'subscription') {
      void this.#subscribe(message);
    } else if (message.method === 'mutation') {
      this.#lastMutation = this.#lastMutation.then(() => this.#request(message));
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
    const body = await response.then((answer) => answer?.json()).catch(() => undefined);
    if (!isResponse(body)) return this.close();
    this.#respond(id, 'error' in body ? { error: body.error } : { result: { type: 'data', data: body.result.data } });
    // Rights belong to a connection, and over http each request is one: the streams reconnect with the token that was
    // just accepted.
    if (params.path === 'session.authenticate' && 'result' in body) this.close();
  }

  async #subscribe({ id, params }: Call): Promise<void> {
    const stop = new AbortController();
    this.#streams.set(id, stop);
    const headers = {
      ...this.#headers,
      accept: 'text/event-stream',
      ...(params.lastEventId !== undefined && { 'last-event-id': params.lastEventId }),
    };
    const signal = AbortSignal.any([stop.signal, this.#abort.signal]);
    const response = await this.#fetch(`${params.path}${inputOf(params.input)}`, { headers, signal });
    if (!response?.body) return stop.signal.aborted ? undefined : this.close();
    if (!response.ok) {
      const refusal: unknown = await response.json().catch(() => undefined);
      return isResponse(refusal) && 'error' in refusal ? this.#respond(id, { error: refusal.error }) : this.close();
    }
    try {
      for await (const event of readServerSentEvents(response.body)) if (!this.#relay(id, event)) return;
    } catch {
      // Cut off or stopped: the signal says which.
    }
    if (!stop.signal.aborted) this.close();
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
    return fetch(`${this.#base}/${path}`, { cache: 'no-store', signal: this.#abort.signal, ...init }).catch(
      () => undefined,
    );
  }
}

function inputOf(input: unknown): string {
  return input === undefined ? '' : `?input=${encodeURIComponent(JSON.stringify(input))}`;
}

function isResponse(body: unknown): body is { error: unknown } | { result: { data: unknown } } {
  return typeof body === 'object' && body !== null && ('error' in body || 'result' in body);
}
