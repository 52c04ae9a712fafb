import { createTRPCClient, type TRPCClient } from '@trpc/client';
import type { AppRouter } from '../../../server/api/procedures/router.ts';
import { reconnectDelay } from './backoff.ts';
import type { Clock } from '../clock.ts';
import { describe, IDLE, next, type LinkEvent, type LinkState } from './connection-state.ts';
import { CampaignError, readFailure, readRefusal } from '../errors.ts';
import {
  heartbeatTimeout,
  openLiveSocket,
  TIMED_OUT,
  TIMEOUTS,
  type LiveSocket,
  type WebSocketConstructor,
} from './live-socket.ts';
import type { Network } from './network.ts';
import { writable } from '../observable-value.ts';
import { createRpcLink } from './rpc-link.ts';
import { createTransportChoice } from './transport-choice.ts';
import type { ConnectionState, Readable } from '../types.ts';

/** The contract that this SDK speaks; a server that no longer does answers `UPGRADE_REQUIRED`. */
const CONTRACT = '1';
/** After so long an open link is stable: the next failure begins with a short delay again. */
const STABLE_AFTER_MS = 5_000;
/** An unused link is closed after this. */
const UNUSED_AFTER_MS = 10_000;
/** How often a token function whose token was refused is asked for another. */
const TOKEN_RETRY_MS = 5_000;

/** Who is calling: a token, or a function that is asked for one at every connect. */
export type TokenSource = string | (() => string | undefined | Promise<string | undefined>);

export interface ConnectionOptions {
  /** Where the server is, as `http(s)://…`. */
  readonly url: string;
  readonly token: TokenSource | undefined;
  readonly WebSocket: WebSocketConstructor;
  readonly clock: Clock;
  readonly network: Network;
}

/** One link to the server: opened when first needed, reconnected while it is needed, closed when it is unused. */
export interface Connection {
  readonly state: Readable<ConnectionState>;
  readonly trpc: TRPCClient<AppRouter>;
  /** Replaces the token: on the living link where there is one, else for the next attempt. */
  readonly authenticate: (token: string) => Promise<void>;
  /** A procedure has refused this caller as unknown: the token has expired, or was revoked. */
  readonly unauthorized: (error: CampaignError) => void;
  /** True once a token was given or can be asked for. */
  readonly hasToken: () => boolean;
  /** Calls back whenever what was refused before may be granted now: on a new link, and with a new token. */
  readonly onRenewed: (callback: () => void) => () => void;
  readonly close: () => void;
}

/**
 * Connects the parts of the link: the tRPC link needs a socket, the state machine permits an attempt, the transport
 * choice opens one, and the live socket reports what becomes of it. A lost link is opened again while it is needed.
 */
export function createConnection({ url, token, WebSocket, clock, network }: ConnectionOptions): Connection {
  const address = `${url.replace(/^http/, 'ws').replace(/\/+$/, '')}/trpc?connectionParams=1`;
  let link: LinkState = IDLE;
  let tokenSource = token;
  let usedToken: string | undefined;
  let refusedToken: string | undefined;
  const heartbeat = heartbeatTimeout(TIMEOUTS);
  let socket: LiveSocket | undefined;
  /** From the need for a socket to its end. */
  let isConnecting = false;
  let cancelTimer = () => {};
  let cancelRelease = () => {};
  const state = writable<ConnectionState>(describe(link, network.online()));
  const renewals = writable(0);
  /** Ends the wait of an attempt for its time. */
  let wake = () => {};

  const rpc = createRpcLink({ onNeeded: () => void connect(), onUnused: releaseLater });
  const transport = createTransportChoice(WebSocket, clock);
  const trpc = createTRPCClient<AppRouter>({ links: [rpc.link] });

  function dispatch(event: LinkEvent): void {
    link = next(link, event);
    publishState();
    if (link.kind !== 'waiting') return;
    cancelTimer();
    cancelTimer = clock.after(Math.max(0, link.retryAt - clock.now()), () => wake());
  }

  function publishState(): void {
    const seen = describe(link, network.online());
    const published = state.getSnapshot();
    const same =
      seen.status === published.status &&
      seen.attempt === published.attempt &&
      seen.retryAt === published.retryAt &&
      seen.error === published.error;
    if (!same) state.set(seen);
  }

  function lost(message: string, { wasUnreachable = false, cause }: LossDetails): CampaignError {
    const error = new CampaignError({ reason: 'UNAVAILABLE', message, retryable: true }, { cause });
    dispatch({
      type: 'lost',
      error,
      now: clock.now(),
      delay: (attempt) => reconnectDelay(attempt, wasUnreachable, clock.random()),
    });
    return error;
  }

  /** Opens a socket when the state permits it, and again for as long as one is needed. */
  async function connect(): Promise<void> {
    if (isConnecting) return;
    isConnecting = true;
    isConnecting = (await awaitPermission()) && open();
    if (isConnecting) return;
    if (link.kind === 'closed') rpc.end(link.error ?? closedError());
    else if (rpc.isNeeded()) void connect();
    else dispatch({ type: 'released' });
  }

  /** Waits until an attempt may be made; false when nothing needs one any more, or when there will be none. */
  async function awaitPermission(): Promise<boolean> {
    for (let wasWoken = false; ; wasWoken = await untilWoken()) {
      if (link.kind === 'closed') return false;
      const wasRefused = link.kind === 'unauthorized';
      // A refused token is not tried twice: only a function can have another one by now.
      if (wasRefused ? typeof tokenSource !== 'function' : !mayConnect(link, wasWoken, clock.now())) continue;
      if (!rpc.isNeeded()) return false;
      if (!wasRefused) dispatch({ type: 'connect' });
      try {
        const current = typeof tokenSource === 'function' ? await tokenSource() : tokenSource;
        if (wasRefused && link.kind === 'unauthorized') {
          if (current === refusedToken) {
            askForTokenLater();
            continue;
          }
          dispatch({ type: 'authenticated' });
        }
        if (!mayConnect(link, wasWoken, clock.now())) continue;
        dispatch({ type: 'connect' });
        usedToken = current;
        return true;
      } catch (cause) {
        if (wasRefused) askForTokenLater();
        else lost('The token function failed', { cause });
      }
    }
  }

  /** The token function had no better token; it is asked again, which costs the server nothing. */
  function askForTokenLater(): void {
    cancelTimer();
    cancelTimer = clock.after(TOKEN_RETRY_MS, () => wake());
  }

  /** Waits for the timer, for the network, or for a token. */
  function untilWoken(): Promise<true> {
    return new Promise((resolve) => (wake = () => resolve(true)));
  }

  function connectNow(): void {
    cancelTimer();
    wake();
  }

  /** False where this runtime cannot open the address. */
  function open(): boolean {
    try {
      socket = openLiveSocket(transport.open(address), clock, TIMEOUTS, heartbeat, {
        opened() {
          socket?.send(JSON.stringify({ method: 'connectionParams', data: { contract: CONTRACT, token: usedToken } }));
          rpc.attach((frame) => socket?.send(frame));
          dispatch({ type: 'opened' });
          renewals.set(renewals.getSnapshot() + 1);
          cancelTimer();
          cancelTimer = clock.after(STABLE_AFTER_MS, () => dispatch({ type: 'settled' }));
          if (!rpc.isNeeded()) releaseLater();
        },
        received: rpc.receive,
        refused: (message, data) => refused(readRefusal(message, data)),
        closed,
      });
      return true;
    } catch (cause) {
      lost('The connection could not be opened', { cause });
      return false;
    }
  }

  function closed(code: number, reason: string): void {
    socket = undefined;
    cancelTimer();
    const wasUnreachable = link.kind === 'connecting' && code !== TIMED_OUT;
    rpc.detach(lost(reason !== '' ? reason : `The connection was lost (${code})`, { wasUnreachable }));
    isConnecting = false;
    void connect();
  }

  function releaseLater(): void {
    cancelRelease();
    cancelRelease = clock.after(UNUSED_AFTER_MS, () => {
      if (rpc.isNeeded() || !socket) return;
      dispatch({ type: 'released' });
      socket.close();
    });
  }

  function refused(error: CampaignError): void {
    refusedToken = usedToken;
    if (error.reason === 'UPGRADE_REQUIRED') dispatch({ type: 'closed', error });
    else if (error.reason === 'UNAUTHORIZED' || error.reason === 'FORBIDDEN') dispatch({ type: 'unauthorized', error });
    socket?.close();
  }

  const stopNetwork = network.onChange((change) => {
    publishState();
    if (change !== 'offline') dispatch({ type: 'network-changed' });
    if (socket) socket.probe();
    else if (change !== 'offline') connectNow();
  });

  return {
    state,
    trpc,
    hasToken: () => tokenSource !== undefined,
    onRenewed: (callback) => renewals.subscribe(callback),
    async authenticate(fresh) {
      tokenSource = fresh;
      if (link.kind === 'unauthorized') {
        dispatch({ type: 'authenticated' });
        connectNow();
      } else if (socket) {
        await trpc.session.authenticate.mutate({ token: fresh }).catch((thrown: unknown) => {
          const failure = readFailure(thrown);
          // Without an answer the link is lost, and the next one begins with this token.
          if (failure.kind === 'refused') throw failure.error;
        });
        renewals.set(renewals.getSnapshot() + 1);
      }
    },
    unauthorized: refused,
    close() {
      dispatch({ type: 'closed', error: undefined });
      cancelTimer();
      stopNetwork();
      transport.close();
      cancelRelease();
      rpc.end(closedError());
      socket?.close();
      connectNow();
    },
  };
}

interface LossDetails {
  /** No server listens at the address: the attempt was refused at once. */
  readonly wasUnreachable?: boolean;
  readonly cause?: unknown;
}

function mayConnect(link: LinkState, wasWoken: boolean, now: number): boolean {
  if (link.kind === 'waiting') return wasWoken || now >= link.retryAt;
  return link.kind !== 'unauthorized' && link.kind !== 'closed';
}

/** What every call of a closed client ends with. */
export function closedError(): CampaignError {
  return new CampaignError({ reason: 'UNAVAILABLE', message: 'The client has been closed', retryable: false });
}
