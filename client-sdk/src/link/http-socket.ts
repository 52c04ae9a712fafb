import type { WebSocketLike } from './live-socket.ts';
import { readServerSentEvents, type ServerSentEvent } from './server-sent-events.ts';

/** What `rpc-link` and `connection` send over a socket. */
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
 * A socket for networks that let no WebSocket through: it takes tRPC's messages and makes http requests and server-sent
 * events of them. To everyone above it is one more socket, so that reconnects, resumes, signs of life and the outbox
 * are the same over it.
 *
 * It breaks as one: when a request finds no server, the whole socket closes, and the link begins anew.
 */
export class HttpSocket implements WebSocketLike {
  #state: 'connecting' | 'open' | 'closed' = 'connecting';
  readonly #base: string;
  readonly #over = new AbortController();
  readonly #streams = new Map<number, AbortController>();
  readonly #listeners = new Map<string, Set<(event: never) => void>>();
  #headers: Record<string, string> = {};
  /** Mutations go one after the other: over http nothing else would keep their order (G7). */
  #turn: Promise<void> = Promise.resolve();

  /** @param url as for a WebSocket: `ws(s)://…/trpc?…` */
  constructor(url: string) {
    this.#base = url.replace(/^ws/, 'http').replace(/\?.*$/, '');
    void this.#isServerThere().then((there) => {
      if (this.#state !== 'connecting') return;
      if (!there) return this.close();
      this.#state = 'open';
      this.#emit('open', {});
    });
  }

  send(text: string): void {
    if (text === 'PING') {
      void this.#isServerThere().then((there) => there && this.#receive('PONG'));
      return;
    }
    this.#take(JSON.parse(text));
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#over.abort();
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

  #answer(id: number, answer: object): void {
    this.#receive(JSON.stringify({ id, ...answer }));
  }

  async #isServerThere(): Promise<boolean> {
    const answer = await fetch(this.#base.replace(/\/trpc$/, '/livez'), {
      cache: 'no-store',
      signal: this.#over.signal,
    }).catch(() => undefined);
    return answer?.ok === true;
  }

  #take(message: Message): void {
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
      this.#turn = this.#turn.then(() => this.#request(message));
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
    if (!isAnswer(body)) return this.close();
    this.#answer(id, 'error' in body ? { error: body.error } : { result: { type: 'data', data: body.result.data } });
    // Rights are a connection's, and here each request is one: the streams begin anew, with the token that has just
    // been found good.
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
    const signal = AbortSignal.any([stop.signal, this.#over.signal]);
    const response = await this.#fetch(`${params.path}${inputOf(params.input)}`, { headers, signal });
    if (!response?.body) return stop.signal.aborted ? undefined : this.close();
    if (!response.ok) {
      const refusal: unknown = await response.json().catch(() => undefined);
      return isAnswer(refusal) && 'error' in refusal ? this.#answer(id, { error: refusal.error }) : this.close();
    }
    try {
      for await (const event of readServerSentEvents(response.body)) if (!this.#relay(id, event)) return;
    } catch {
      // Cut, or stopped: told apart below.
    }
    if (!stop.signal.aborted) this.close();
  }

  /** One event of a stream as the socket's message; false where it was the stream's last. */
  #relay(id: number, { event, data, id: eventId }: ServerSentEvent): boolean {
    switch (event) {
      case 'message': {
        const value: unknown = JSON.parse(data);
        this.#answer(id, {
          result:
            eventId === undefined
              ? { type: 'data', data: value }
              : { type: 'data', id: eventId, data: { id: eventId, data: value } },
        });
        return true;
      }
      case 'connected':
        this.#answer(id, { result: { type: 'started' } });
        return true;
      case 'return':
        this.#answer(id, { result: { type: 'stopped' } });
        return false;
      case 'serialized-error':
        this.#answer(id, { error: JSON.parse(data) });
        return false;
      default:
        // A ping: the sign of life that it is.
        this.#receive('PONG');
        return true;
    }
  }

  #fetch(path: string, init: RequestInit): Promise<Response | undefined> {
    return fetch(`${this.#base}/${path}`, { cache: 'no-store', signal: this.#over.signal, ...init }).catch(
      () => undefined,
    );
  }
}

function inputOf(input: unknown): string {
  return input === undefined ? '' : `?input=${encodeURIComponent(JSON.stringify(input))}`;
}

function isAnswer(body: unknown): body is { error: unknown } | { result: { data: unknown } } {
  return typeof body === 'object' && body !== null && ('error' in body || 'result' in body);
}
