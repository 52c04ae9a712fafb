import { createTRPCClient, type TRPCClient } from '@trpc/client';
import type { AppRouter } from '../../../server/api/procedures/router.ts';
import { RESTART } from '../../../server/core/close-codes.ts';
import { reportUncaught, type ErrorReporter } from '../callbacks.ts';
import type { Clock } from '../clock.ts';
import { CampaignError, readFailure, readRefusal, closedError } from '../errors.ts';
import { writable } from '../observable-value.ts';
import type { ConnectionReason, ConnectionState, Readable, Renewal } from '../types.ts';
import { reconnectDelay } from './backoff.ts';
import type { BeaconTarget } from './beacon.ts';
import { describe, IDLE, next, type LinkEvent, type LinkFailure, type LinkState } from './connection-state.ts';
import {
  heartbeatTimeout,
  openLiveSocket,
  TIMEOUTS,
  type LiveSocket,
  type WebSocketConstructor,
} from './live-socket.ts';
import { reasonOfHttpClose, TIMED_OUT } from './local-close-codes.ts';
import type { Network } from './network.ts';
import { createRpcLink } from './rpc-link.ts';
import { createTokenProvider, userOf, type TokenSource } from './token-provider.ts';
import { createTransportChoice } from './transport-choice.ts';

/** The contract that this SDK speaks; a server that no longer does answers `UPGRADE_REQUIRED`. */
const CONTRACT = '1';
/** After so long a link is stable: the next failure begins with a short delay again. */
const STABLE_AFTER_MS = 5_000;
/** An unused link is closed after this. */
const UNUSED_AFTER_MS = 10_000;
/** How often a token function whose token was refused is asked for another. */
const TOKEN_RETRY_MS = 5_000;

export interface ConnectionOptions {
  /** The server's base URL, `http(s)://…`; `undefined` where it cannot be known (`server-url.ts`). */
  readonly url: string | undefined;
  readonly token: TokenSource | undefined;
  readonly WebSocket: WebSocketConstructor;
  readonly clock: Clock;
  readonly network: Network;
  /** Takes what the app's listeners throw. */
  readonly report?: ErrorReporter | undefined;
  /** How long the very first attempt waits, in milliseconds. Default 0. */
  readonly startDelayMs?: number | undefined;
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
  readonly onRenewed: (callback: (renewal: Renewal) => void) => () => void;
  /** Where a page that is being left calls the server, as who is connected now. */
  readonly beacon: () => Pick<BeaconTarget, 'token'> & { readonly url: string | undefined };
  readonly close: () => void;
}

/**
 * Connects the parts of the link: the tRPC link needs a socket, the state machine permits an attempt, the token
 * provider has its token, the transport choice opens one, and the live socket reports what becomes of it. A lost link
 * is opened again while it is needed.
 */
export function createConnection(options: ConnectionOptions): Connection {
  const { url, token, WebSocket, clock, network, report = reportUncaught, startDelayMs = 0 } = options;
  const address = url === undefined ? undefined : `${url.replace(/^http/, 'ws')}/trpc?connectionParams=1`;
  const tokens = createTokenProvider(token, clock);
  const heartbeat = heartbeatTimeout(TIMEOUTS);
  const notBefore = clock.now() + startDelayMs;
  let link: LinkState = IDLE;
  let socket: LiveSocket | undefined;
  /** The token of the present socket, or of the newest one. */
  let usedToken: string | undefined;
  /** Whether the newest link that said anything about the token refused it. */
  let wasRefused = false;
  /** From the need for a socket to its end. */
  let isConnecting = false;
  let cancelTimer = () => {};
  let cancelRelease = () => {};
  let stopNetwork: (() => void) | undefined;
  /** Ends the wait of an attempt for its time. */
  let wake = () => {};
  const state = writable<ConnectionState>(describe(link, network.online()), report);
  const renewals = writable<Renewal>({ isOtherUser: false }, report);
  /** Whose token the server accepted last; no one's before the first. */
  let user: { readonly id: string | undefined } | undefined;

  const rpc = createRpcLink({ onNeeded: () => void connect(), onUnused: releaseLater, onAccepted, clock, report });
  const transport = createTransportChoice(WebSocket, clock);
  const trpc = createTRPCClient<AppRouter>({ links: [rpc.link] });

  function dispatch(event: LinkEvent): void {
    link = next(link, event);
    publishState();
    if (link.kind === 'waiting') wakeAfter(Math.max(0, link.retryAt - clock.now()));
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

  function lost(failure: LinkFailure, wasUnreachable = false): void {
    const delay = (attempt: number) => reconnectDelay(attempt, wasUnreachable, clock.random());
    dispatch({ type: 'lost', failure, now: clock.now(), delay });
  }

  /** Opens a socket when the state permits it, and again for as long as one is needed. */
  async function connect(): Promise<void> {
    if (isConnecting) return;
    isConnecting = true;
    stopNetwork ??= network.onChange(onNetworkChange);
    isConnecting = (await awaitTurn()) && open();
    if (isConnecting) return;
    if (link.kind === 'closed') rpc.end(link.failure.error);
    else if (rpc.isNeeded()) void connect();
    else dispatch({ type: 'released' });
  }

  /** Waits until an attempt may be made, and for its token; false when no attempt is needed, or there will be none. */
  async function awaitTurn(): Promise<boolean> {
    if (clock.now() < notBefore) {
      wakeAfter(notBefore - clock.now());
      await untilWoken();
    }
    for (let wasWoken = false; ; wasWoken = await untilWoken()) {
      if (link.kind === 'closed') return false;
      if (link.kind === 'waiting' && !wasWoken && clock.now() < link.retryAt) continue;
      // A refused token is not tried twice.
      if (link.kind === 'unauthorized' && !(wasWoken && tokens.mayDifferFrom(usedToken))) continue;
      // Whether there is another token is for users to know, also while nothing needs the link.
      if (link.kind !== 'renewing' && !rpc.isNeeded()) return false;
      if (await takeToken()) return true;
    }
  }

  /**
   * Gets the token of the next attempt; false where it fails, or is the refused one again: then it is asked for later.
   */
  async function takeToken(): Promise<boolean> {
    const refusal = link.kind === 'renewing' || link.kind === 'unauthorized' ? link.failure : undefined;
    if (!refusal) dispatch({ type: 'connect' });
    let current: string | undefined;
    try {
      current = await tokens.next();
    } catch (cause) {
      if (refusal) askForTokenLater(refusal);
      else lost(failureOf('token-failed', `The token failed: ${messageOf(cause)}`, cause));
      return false;
    }
    if (refusal && current === usedToken) {
      askForTokenLater(refusal);
      return false;
    }
    usedToken = current;
    dispatch({ type: 'connect' });
    return link.kind === 'connecting';
  }

  /** There is no token but the refused one; asking again costs the server nothing. */
  function askForTokenLater(refusal: LinkFailure): void {
    dispatch({ type: 'unauthorized', failure: refusal });
    wakeAfter(TOKEN_RETRY_MS);
  }

  function wakeAfter(milliseconds: number): void {
    cancelTimer();
    cancelTimer = clock.after(milliseconds, () => wake());
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
    if (address === undefined) {
      const message = 'Outside of pages write "https://…" as the option url';
      dispatch({ type: 'closed', failure: failureOf('bad-address', message, undefined, false) });
      return false;
    }
    try {
      const received = rpc.receive;
      socket = openLiveSocket(transport.open(address), clock, TIMEOUTS, heartbeat, {
        opened: onOpen,
        received,
        refused: (message, data) => onRefused(readRefusal(message, data)),
        closed: onClose,
      });
      return true;
    } catch (cause) {
      lost(failureOf('unreachable', `It does not open: ${messageOf(cause)}`, cause));
      return false;
    }
  }

  function onOpen(): void {
    usedToken = tokens.given() ?? usedToken;
    socket?.send(JSON.stringify({ method: 'connectionParams', data: { contract: CONTRACT, token: usedToken } }));
    rpc.attach((frame) => socket?.send(frame));
    dispatch({ type: 'opened' });
    if (!rpc.isNeeded()) releaseLater();
  }

  /** The server has answered this caller: the token is good. */
  function onAccepted(): void {
    if (link.kind !== 'authenticating') return;
    wasRefused = false;
    tokens.onAccepted(usedToken);
    dispatch({ type: 'accepted' });
    cancelTimer();
    cancelTimer = clock.after(STABLE_AFTER_MS, () => dispatch({ type: 'settled' }));
    onRenewal();
    // It was given while another one was on its way.
    const given = tokens.given();
    if (given !== undefined) authenticateLive(given).catch(() => undefined);
  }

  function onClose(code: number, reason: string): void {
    socket = undefined;
    cancelTimer();
    const wasUnreachable = link.kind === 'connecting' && code !== TIMED_OUT;
    const failure = failureOfClose(code, reason, wasUnreachable);
    lost(failure, wasUnreachable);
    rpc.detach(failure.error);
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

  /** The server refuses this connection. Another token is tried at once, but only once until the server accepts one. */
  function onRefused(error: CampaignError): void {
    if (error.reason === 'UPGRADE_REQUIRED') {
      dispatch({ type: 'closed', failure: { reason: 'upgrade-required', error } });
    } else if (error.reason === 'UNAUTHORIZED' || error.reason === 'FORBIDDEN') {
      const isGiven = tokens.given() !== undefined && tokens.given() !== usedToken;
      const canRenew = isGiven || (!wasRefused && tokens.mayDifferFrom(usedToken));
      if (tokens.given() === usedToken && usedToken !== undefined) tokens.withdraw(usedToken);
      wasRefused = true;
      dispatch({ type: canRenew ? 'token-refused' : 'unauthorized', failure: { reason: 'unauthorized', error } });
    }
    socket?.close();
    if (link.kind === 'unauthorized' && tokens.mayDifferFrom(usedToken)) wakeAfter(TOKEN_RETRY_MS);
  }

  function onRenewal(): void {
    const before = user;
    user = { id: userOf(usedToken) };
    renewals.set({ isOtherUser: before !== undefined && before.id !== user.id });
  }

  async function authenticateLive(fresh: string): Promise<void> {
    try {
      await trpc.session.authenticate.mutate({ token: fresh });
    } catch (thrown) {
      const failure = readFailure(thrown);
      // Without an answer the link is lost, and the next one begins with this token.
      if (failure.kind === 'unanswered') return;
      tokens.withdraw(fresh);
      throw failure.error;
    }
    usedToken = fresh;
    tokens.onAccepted(fresh);
    onRenewal();
  }

  function onNetworkChange(change: 'online' | 'offline' | 'visible'): void {
    publishState();
    if (change !== 'offline') dispatch({ type: 'network-changed' });
    if (socket) socket.probe();
    else if (change !== 'offline') connectNow();
  }

  return {
    state,
    trpc,
    hasToken: tokens.hasSource,
    onRenewed: (callback) => renewals.subscribe(() => callback(renewals.getSnapshot())),
    async authenticate(fresh) {
      if (link.kind === 'closed') throw link.failure.error;
      tokens.give(fresh);
      if (link.kind === 'connected' || link.kind === 'stable') return authenticateLive(fresh);
      if (link.kind === 'authenticating' || link.kind === 'connecting') return;
      dispatch({ type: 'authenticated' });
      if (link.kind !== 'waiting' || link.failure.reason === 'token-failed') connectNow();
    },
    unauthorized(error) {
      // Answers to several calls say the same, and the first one has ended the link.
      if (socket) onRefused(error);
    },
    beacon: () => ({ url, token: usedToken }),
    close() {
      dispatch({ type: 'closed', failure: { reason: 'closed', error: closedError() } });
      cancelTimer();
      stopNetwork?.();
      transport.close();
      cancelRelease();
      rpc.end(closedError());
      socket?.close();
      connectNow();
    },
  };
}

function failureOf(reason: ConnectionReason, message: string, cause?: unknown, retryable = true): LinkFailure {
  return { reason, error: new CampaignError({ reason: 'UNAVAILABLE', message, retryable }, { cause }) };
}

/** What a close code means. */
function failureOfClose(code: number, reason: string, wasUnreachable: boolean): LinkFailure {
  const http = reasonOfHttpClose(code);
  if (http) return failureOf(http, reason);
  if (code === TIMED_OUT) return failureOf('timeout', reason);
  if (code === RESTART.code) return failureOf('restart', reason || 'The server restarts');
  if (code === TRY_AGAIN_LATER) return failureOf('overloaded', reason || 'The server is full');
  if (wasUnreachable) return failureOf('unreachable', reason || 'No server could be reached');
  return failureOf('lost', reason || `The connection was lost (${code})`);
}

/** RFC 6455's registry: the server is overloaded. */
const TRY_AGAIN_LATER = 1013;

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
