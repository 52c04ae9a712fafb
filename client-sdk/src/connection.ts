import { createTRPCClient, createWSClient, wsLink, type TRPCClient } from '@trpc/client';
import type { AppRouter } from '../../server/api/router.ts';
import { fullJitter, RECONNECT } from './backoff.ts';
import type { Clock } from './clock.ts';
import { describe, IDLE, next, type LinkEvent, type LinkState } from './connection-state.ts';
import { CampaignError, readFailure, readRefusal } from './errors.ts';
import { liveSocketClass, TIMEOUTS, type LiveSocket, type WebSocketConstructor } from './live-socket.ts';
import type { Network } from './network.ts';
import { writable } from './readable.ts';
import { createTransportChoice } from './transport-choice.ts';
import type { ConnectionState, Readable } from './types.ts';

/** The contract that this SDK speaks; a server that no longer does answers `UPGRADE_REQUIRED`. */
const CONTRACT = '1';
/** A link that has stood this long is trusted, and the next failure begins with a short delay again. */
const STABLE_AFTER_MS = 5_000;
/** An unused link is given back after this. */
const UNUSED_AFTER_MS = 10_000;

/** How often a function whose token was refused is asked for another. */
const ASK_AGAIN_AFTER_MS = 5_000;

export type TokenSource = string | (() => string | undefined | Promise<string | undefined>);

export interface ConnectionOptions {
  /** Where the server is, as `http(s)://…`. */
  readonly url: string;
  readonly token: TokenSource | undefined;
  readonly WebSocket: WebSocketConstructor;
  readonly clock: Clock;
  readonly network: Network;
}

/** One link to the server, opened when first needed, kept up, and given back when nothing needs it. */
export interface Connection {
  readonly state: Readable<ConnectionState>;
  readonly trpc: TRPCClient<AppRouter>;
  /** Replaces the token: on the living link where there is one, else for the next attempt. */
  authenticate(token: string): Promise<void>;
  /** A procedure has said that this caller is nobody: the token has expired, or was taken back. */
  unauthorized(error: CampaignError): void;
  /** True once a token was given or could be asked for. */
  hasToken(): boolean;
  /** Calls back whenever what was refused before may be granted now: on a new link, and with a new token. */
  onRenewed(callback: () => void): () => void;
  close(): void;
}

/**
 * The tRPC client reconnects by itself, but at once, without jitter, and with no say for anyone. So it is told not to wait, and asks
 * for the address instead, which it gets when the link's state machine permits the next attempt.
 */
export function createConnection({ url, token, WebSocket, clock, network }: ConnectionOptions): Connection {
  const address = `${url.replace(/^http/, 'ws').replace(/\/+$/, '')}/trpc`;
  let link: LinkState = IDLE;
  let source = token;
  let params: Record<string, string> = { contract: CONTRACT };
  let refusedToken: string | undefined;
  let socket: LiveSocket | undefined;
  let cancelTimer = () => {};
  const state = writable<ConnectionState>(describe(link, network.online()));
  const renewed = writable(0);
  /** Attempts that wait for their time. */
  const waiting = new Set<() => void>();

  function tell(event: LinkEvent): void {
    link = next(link, event);
    show();
    if (link.kind !== 'waiting') return;
    cancelTimer();
    cancelTimer = clock.after(Math.max(0, link.retryAt - clock.now()), () => {
      // Nobody waits for the link, and the tRPC client does not want it back: what was lost is not missed.
      if (waiting.size === 0 && ws.connectionState.get().state !== 'connecting') tell({ type: 'released' });
      else goOn();
    });
  }

  function show(): void {
    const seen = describe(link, network.online());
    const shown = state.getSnapshot();
    const same = seen.status === shown.status && seen.attempt === shown.attempt && seen.retryAt === shown.retryAt && seen.error === shown.error;
    if (!same) state.set(seen);
  }

  function lost(message: string, cause?: unknown): void {
    const error = new CampaignError({ reason: 'UNAVAILABLE', message, retryable: true }, { cause });
    tell({ type: 'lost', error, now: clock.now(), delay: (attempt) => fullJitter(attempt, clock.random(), RECONNECT) });
  }

  function goOn(): void {
    cancelTimer();
    for (const resume of waiting) resume();
  }

  /** Resolves when an attempt may be made now; rejects when there will be none. */
  async function permit(): Promise<string> {
    // The attempt before ended without a socket to say so.
    if (link.kind === 'dialing') lost('The connection could not be opened');
    for (let hurried = false; ; hurried = await patience()) {
      if (link.kind === 'closed') throw link.error ?? closedError();
      const again = link.kind === 'refused';
      // A refused token is not tried twice: only a function can have another one by now.
      if (again ? typeof source !== 'function' : !mayDial(link, hurried, clock.now())) continue;
      if (!again) tell({ type: 'dial' });
      try {
        const current = typeof source === 'function' ? await source() : source;
        if (again && link.kind === 'refused') {
          if (current === refusedToken) {
            askLater();
            continue;
          }
          tell({ type: 'authenticated' });
        }
        if (!mayDial(link, hurried, clock.now())) continue;
        tell({ type: 'dial' });
        params = { contract: CONTRACT, ...(current !== undefined && { token: current }) };
        return address;
      } catch (cause) {
        if (again) askLater();
        else lost('The token could not be had', cause);
      }
    }
  }

  /** The app's function had no better token; it is asked again, which costs the server nothing. */
  function askLater(): void {
    cancelTimer();
    cancelTimer = clock.after(ASK_AGAIN_AFTER_MS, goOn);
  }

  /** Waits for the timer, for the network, or for a token. */
  function patience(): Promise<true> {
    return new Promise((resolve) => {
      const resume = () => {
        waiting.delete(resume);
        resolve(true);
      };
      waiting.add(resume);
    });
  }

  function refuse(error: CampaignError): void {
    refusedToken = params.token;
    if (error.reason === 'UPGRADE_REQUIRED') tell({ type: 'closed', error });
    else if (error.reason === 'UNAUTHORIZED' || error.reason === 'FORBIDDEN') tell({ type: 'unauthorized', error });
    socket?.close();
  }

  const transport = createTransportChoice(WebSocket, clock);
  const Socket = liveSocketClass(transport.open, clock, TIMEOUTS, {
    opened: (opened) => {
      socket = opened;
      tell({ type: 'opened' });
      renewed.set(renewed.getSnapshot() + 1);
      cancelTimer();
      cancelTimer = clock.after(STABLE_AFTER_MS, () => tell({ type: 'settled' }));
    },
    refused: (_socket, message, data) => refuse(readRefusal(message, data)),
    closed: (closed, { code, reason }) => {
      if (socket === closed) socket = undefined;
      cancelTimer();
      lost(reason !== '' ? reason : `The connection was lost (${code})`);
    },
  });

  const ws = createWSClient({
    url: permit,
    connectionParams: () => params,
    WebSocket: Socket,
    retryDelayMs: () => 0,
    lazy: { enabled: true, closeMs: UNUSED_AFTER_MS },
  });

  // `idle` is the client's word for a link that it gave back.
  const releases = ws.connectionState.subscribe({
    next: ({ state: named }) => {
      if (named !== 'idle') return;
      cancelTimer();
      tell({ type: 'released' });
    },
  });

  const stopNetwork = network.onChange((change) => {
    show();
    if (socket) socket.probe();
    else if (change !== 'offline') goOn();
  });

  const trpc = createTRPCClient<AppRouter>({ links: [wsLink({ client: ws })] });

  return {
    state,
    trpc,
    hasToken: () => source !== undefined,
    onRenewed: (callback) => renewed.subscribe(callback),
    async authenticate(fresh) {
      source = fresh;
      if (link.kind === 'refused') {
        tell({ type: 'authenticated' });
        goOn();
      } else if (socket) {
        await trpc.session.authenticate.mutate({ token: fresh }).catch((thrown: unknown) => {
          const failure = readFailure(thrown);
          // Without an answer the link is gone, and the next one begins with this token.
          if (failure.kind === 'refused') throw failure.error;
        });
        renewed.set(renewed.getSnapshot() + 1);
      }
    },
    unauthorized: refuse,
    close() {
      tell({ type: 'closed', error: undefined });
      cancelTimer();
      stopNetwork();
      transport.close();
      releases.unsubscribe();
      void ws.close();
      // The client waits for answers before it closes; whoever closes the SDK does not.
      socket?.close();
      goOn();
    },
  };
}

function mayDial(link: LinkState, hurried: boolean, now: number): boolean {
  return link.kind === 'waiting' ? hurried || now >= link.retryAt : link.kind !== 'refused' && link.kind !== 'closed';
}

export function closedError(): CampaignError {
  return new CampaignError({ reason: 'UNAVAILABLE', message: 'The client has been closed', retryable: false });
}
