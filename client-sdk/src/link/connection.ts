import { createTRPCClient, type TRPCClient } from '@trpc/client';
import type { AppRouter } from '../../../server/api/procedures/router.ts';
import { reconnectDelay } from './backoff.ts';
import type { Clock } from '../clock.ts';
import { describe, IDLE, next, type LinkEvent, type LinkState } from './connection-state.ts';
import { CampaignError, readFailure, readRefusal } from '../errors.ts';
import {
  answerTimeout,
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
 * Opens a socket when something is to be sent, when the link's state machine permits it, and again when it was lost and
 * is missed.
 */
export function createConnection({ url, token, WebSocket, clock, network }: ConnectionOptions): Connection {
  const address = `${url.replace(/^http/, 'ws').replace(/\/+$/, '')}/trpc?connectionParams=1`;
  let link: LinkState = IDLE;
  let source = token;
  let usedToken: string | undefined;
  let refusedToken: string | undefined;
  const answers = answerTimeout(TIMEOUTS);
  let socket: LiveSocket | undefined;
  /** Between the wish for a socket and its end. */
  let engaged = false;
  let cancelTimer = () => {};
  let cancelRelease = () => {};
  const state = writable<ConnectionState>(describe(link, network.online()));
  const renewed = writable(0);
  /** Wakes the attempt that waits for its time. */
  let wake = () => {};

  const rpc = createRpcLink({ onWanted: () => void engage(), onUnused: releaseLater });
  const transport = createTransportChoice(WebSocket, clock);
  const trpc = createTRPCClient<AppRouter>({ links: [rpc.link] });

  function tell(event: LinkEvent): void {
    link = next(link, event);
    show();
    if (link.kind !== 'waiting') return;
    cancelTimer();
    cancelTimer = clock.after(Math.max(0, link.retryAt - clock.now()), () => wake());
  }

  function show(): void {
    const seen = describe(link, network.online());
    const shown = state.getSnapshot();
    const same =
      seen.status === shown.status &&
      seen.attempt === shown.attempt &&
      seen.retryAt === shown.retryAt &&
      seen.error === shown.error;
    if (!same) state.set(seen);
  }

  function lost(message: string, { absent = false, cause }: { absent?: boolean; cause?: unknown }): CampaignError {
    const error = new CampaignError({ reason: 'UNAVAILABLE', message, retryable: true }, { cause });
    tell({
      type: 'lost',
      error,
      now: clock.now(),
      delay: (attempt) => reconnectDelay(attempt, absent, clock.random()),
    });
    return error;
  }

  /** Sees to it that there is a socket, for as long as one is needed. */
  async function engage(): Promise<void> {
    if (engaged) return;
    engaged = true;
    engaged = (await permit()) && open();
    if (engaged) return;
    if (link.kind === 'closed') rpc.end(link.error ?? closedError());
    else if (rpc.isNeeded()) void engage();
    else tell({ type: 'released' });
  }

  /**
   * Whether an attempt may be made: true in its time, false when nothing needs it any more, or when there will be none.
   */
  async function permit(): Promise<boolean> {
    for (let hurried = false; ; hurried = await patience()) {
      if (link.kind === 'closed') return false;
      const again = link.kind === 'refused';
      // A refused token is not tried twice: only a function can have another one by now.
      if (again ? typeof source !== 'function' : !mayDial(link, hurried, clock.now())) continue;
      if (!rpc.isNeeded()) return false;
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
        usedToken = current;
        return true;
      } catch (cause) {
        if (again) askLater();
        else lost('The token could not be had', { cause });
      }
    }
  }

  /** The app's function had no better token; it is asked again, which costs the server nothing. */
  function askLater(): void {
    cancelTimer();
    cancelTimer = clock.after(ASK_AGAIN_AFTER_MS, () => wake());
  }

  /** Waits for the timer, for the network, or for a token. */
  function patience(): Promise<true> {
    return new Promise((resolve) => (wake = () => resolve(true)));
  }

  function hurry(): void {
    cancelTimer();
    wake();
  }

  /** False where the address is none that this runtime can open. */
  function open(): boolean {
    try {
      socket = openLiveSocket(transport.open(address), clock, TIMEOUTS, answers, {
        opened() {
          socket?.send(JSON.stringify({ method: 'connectionParams', data: { contract: CONTRACT, token: usedToken } }));
          rpc.attach((frame) => socket?.send(frame));
          tell({ type: 'opened' });
          renewed.set(renewed.getSnapshot() + 1);
          cancelTimer();
          cancelTimer = clock.after(STABLE_AFTER_MS, () => tell({ type: 'settled' }));
          if (!rpc.isNeeded()) releaseLater();
        },
        received: rpc.receive,
        refused: (message, data) => refuse(readRefusal(message, data)),
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
    const absent = link.kind === 'dialing' && code !== TIMED_OUT;
    rpc.detach(lost(reason !== '' ? reason : `The connection was lost (${code})`, { absent }));
    engaged = false;
    void engage();
  }

  function releaseLater(): void {
    cancelRelease();
    cancelRelease = clock.after(UNUSED_AFTER_MS, () => {
      if (rpc.isNeeded() || !socket) return;
      tell({ type: 'released' });
      socket.close();
    });
  }

  function refuse(error: CampaignError): void {
    refusedToken = usedToken;
    if (error.reason === 'UPGRADE_REQUIRED') tell({ type: 'closed', error });
    else if (error.reason === 'UNAUTHORIZED' || error.reason === 'FORBIDDEN') tell({ type: 'unauthorized', error });
    socket?.close();
  }

  const stopNetwork = network.onChange((change) => {
    show();
    if (change !== 'offline') tell({ type: 'hurried' });
    if (socket) socket.probe();
    else if (change !== 'offline') hurry();
  });

  return {
    state,
    trpc,
    hasToken: () => source !== undefined,
    onRenewed: (callback) => renewed.subscribe(callback),
    async authenticate(fresh) {
      source = fresh;
      if (link.kind === 'refused') {
        tell({ type: 'authenticated' });
        hurry();
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
      cancelRelease();
      rpc.end(closedError());
      socket?.close();
      hurry();
    },
  };
}

function mayDial(link: LinkState, hurried: boolean, now: number): boolean {
  return link.kind === 'waiting' ? hurried || now >= link.retryAt : link.kind !== 'refused' && link.kind !== 'closed';
}

export function closedError(): CampaignError {
  return new CampaignError({ reason: 'UNAVAILABLE', message: 'The client has been closed', retryable: false });
}
