import type { CampaignError } from '../errors.ts';
import type { ConnectionReason, ConnectionState } from '../types.ts';

/** Why there is no connection: for code, and as an error. */
export interface LinkFailure {
  readonly reason: ConnectionReason;
  readonly error: CampaignError;
}

/**
 * The state of the link, as a machine without clock or socket: `connection.ts` reports events and carries out what
 * follows. It has more states than users see; {@link describe} maps them.
 *
 * ```text
 * idle ──connect──▶ connecting ──opened──▶ authenticating ──accepted──▶ connected ──settled──▶ stable
 *                    ▲   └──────────── lost ───────┴───────── lost ─────────┴──────── lost ──────┤
 *                    └──connect── waiting ◀──────────────────────────────────────────────────────┘
 *
 * any ──token-refused──▶ renewing ──connect──▶ connecting      the token function is asked for another token
 * any ──unauthorized──▶ unauthorized ──authenticated──▶ idle   there is no other token
 * any ──released──▶ idle                                       nothing needs a link
 * any ──closed──▶ closed                                       final
 * ```
 */
export type LinkState =
  /** No link, and none needed. The failures before are remembered. */
  | { readonly kind: 'idle'; readonly attempt: number }
  /** A token is being asked for, or a socket opened. */
  | { readonly kind: 'connecting'; readonly attempt: number; readonly failure?: LinkFailure | undefined }
  /** The socket is open, and the server has not accepted the token yet. */
  | { readonly kind: 'authenticating'; readonly attempt: number; readonly failure?: LinkFailure | undefined }
  /** Accepted, but not open long enough to be trusted: a close counts as one more failure (accept and close). */
  | { readonly kind: 'connected'; readonly attempt: number }
  /** Open for so long that failures before it count no more. */
  | { readonly kind: 'stable' }
  /** Lost; the next attempt is at `retryAt` (epoch milliseconds). */
  | { readonly kind: 'waiting'; readonly attempt: number; readonly retryAt: number; readonly failure: LinkFailure }
  /** The server refused the token, and another one is being asked for. */
  | { readonly kind: 'renewing'; readonly attempt: number; readonly failure: LinkFailure }
  /** The server refused the token, and there is no other one: no attempt until there is. */
  | { readonly kind: 'unauthorized'; readonly failure: LinkFailure }
  /** Closed for good. */
  | { readonly kind: 'closed'; readonly failure: LinkFailure };

export type LinkEvent =
  | { readonly type: 'connect' }
  | { readonly type: 'opened' }
  /** The server answered a request of this caller. */
  | { readonly type: 'accepted' }
  /** The link has been up long enough. */
  | { readonly type: 'settled' }
  /**
   * The socket closed, or could not be opened. `delay` (milliseconds) is the jittered backoff before the next attempt.
   */
  | {
      readonly type: 'lost';
      readonly failure: LinkFailure;
      readonly now: number;
      readonly delay: (attempt: number) => number;
    }
  /** The network changed, or the page came back: earlier failures say nothing about the next attempt. */
  | { readonly type: 'network-changed' }
  /** The socket was closed because nothing needs it. */
  | { readonly type: 'released' }
  | { readonly type: 'token-refused'; readonly failure: LinkFailure }
  | { readonly type: 'unauthorized'; readonly failure: LinkFailure }
  | { readonly type: 'authenticated' }
  | { readonly type: 'closed'; readonly failure: LinkFailure };

export const IDLE: LinkState = { kind: 'idle', attempt: 0 };

/** The state after an event. `closed` is final, and an event that makes no sense in a state changes nothing. */
export function next(state: LinkState, event: LinkEvent): LinkState {
  if (state.kind === 'closed') return state;
  switch (event.type) {
    case 'closed':
      return { kind: 'closed', failure: event.failure };
    case 'token-refused':
      return { kind: 'renewing', attempt: Math.max(attemptOf(state), 1), failure: event.failure };
    case 'unauthorized':
      return { kind: 'unauthorized', failure: event.failure };
    case 'authenticated':
      return state.kind === 'unauthorized' ? IDLE : state;
    case 'connect':
      return isUp(state) || state.kind === 'connecting'
        ? state
        : { kind: 'connecting', attempt: attemptOf(state), failure: failureOf(state) };
    case 'opened':
      return state.kind === 'connecting' ? { ...state, kind: 'authenticating' } : state;
    case 'accepted':
      return state.kind === 'authenticating' ? { kind: 'connected', attempt: state.attempt } : state;
    case 'settled':
      return state.kind === 'connected' ? { kind: 'stable' } : state;
    case 'network-changed':
      return state.kind === 'waiting' || state.kind === 'connecting'
        ? { ...state, attempt: Math.min(state.attempt, 1) }
        : state;
    case 'released':
      return state.kind === 'unauthorized' || state.kind === 'renewing'
        ? state
        : { kind: 'idle', attempt: attemptOf(state) };
    case 'lost': {
      if (!isUp(state) && state.kind !== 'connecting') return state;
      const failures = attemptOf(state);
      return {
        kind: 'waiting',
        attempt: failures + 1,
        retryAt: event.now + event.delay(failures),
        failure: event.failure,
      };
    }
  }
}

function isUp({ kind }: LinkState): boolean {
  return kind === 'authenticating' || kind === 'connected' || kind === 'stable';
}

function attemptOf(state: LinkState): number {
  return 'attempt' in state ? state.attempt : 0;
}

function failureOf(state: LinkState): LinkFailure | undefined {
  return 'failure' in state ? state.failure : undefined;
}

/**
 * The state as users see it.
 *
 * @param online whether the device reports a network; believed only while there is no link, for loopback needs none
 */
export function describe(state: LinkState, online: boolean): ConnectionState {
  const failure = failureOf(state);
  return {
    status: statusOf(state, online),
    attempt: attemptOf(state),
    retryAt: state.kind === 'waiting' ? state.retryAt : undefined,
    reason: failure?.reason,
    error: failure?.error,
  };
}

function statusOf(state: LinkState, online: boolean): ConnectionState['status'] {
  switch (state.kind) {
    case 'idle':
      return online ? 'connecting' : 'offline';
    case 'connecting':
    case 'authenticating':
      return !online ? 'offline' : state.attempt === 0 ? 'connecting' : 'reconnecting';
    case 'connected':
    case 'stable':
      return 'connected';
    case 'waiting':
    case 'renewing':
      return online ? 'reconnecting' : 'offline';
    case 'unauthorized':
      return 'needs-auth';
    case 'closed':
      return 'closed';
  }
}
