import type { CampaignError } from '../errors.ts';
import type { ConnectionState } from '../types.ts';

/**
 * The state of the link, as a machine without clock or socket: `connection.ts` reports events and carries out what
 * follows. It has more states than users see; {@link describe} maps them.
 *
 * ```text
 * idle ──connect──▶ connecting ──opened──▶ open ──settled──▶ stable
 *   ▲                  ▲  └──────── lost ───────┴──────lost──────┤
 *   └─ released        └──connect── waiting ◀────────────────────┘
 *
 * any ──unauthorized──▶ unauthorized ──authenticated──▶ idle          any ──closed──▶ closed (final)
 * ```
 */
export type LinkState =
  /** No link, and none needed. The failures before are remembered. */
  | { readonly kind: 'idle'; readonly attempt: number }
  /** A socket is being opened. */
  | { readonly kind: 'connecting'; readonly attempt: number }
  /** Open, but not long enough to be trusted: a close counts as one more failure (a server that accepts and closes). */
  | { readonly kind: 'open'; readonly attempt: number }
  /** Open for so long that failures before it count no more. */
  | { readonly kind: 'stable' }
  /** Lost; the next attempt is at `retryAt` (epoch milliseconds). */
  | { readonly kind: 'waiting'; readonly attempt: number; readonly retryAt: number; readonly error: CampaignError }
  /** The server refused the token: no attempt until there is another one. */
  | { readonly kind: 'unauthorized'; readonly error: CampaignError }
  /** Closed for good. */
  | { readonly kind: 'closed'; readonly error: CampaignError | undefined };

export type LinkEvent =
  | { readonly type: 'connect' }
  | { readonly type: 'opened' }
  /** The socket has stayed open long enough. */
  | { readonly type: 'settled' }
  /** The socket closed, or could not be opened. `delay` (milliseconds) is the jittered backoff before the next attempt. */
  | {
      readonly type: 'lost';
      readonly error: CampaignError;
      readonly now: number;
      readonly delay: (attempt: number) => number;
    }
  /** The network changed, or the page came back: earlier failures say nothing about the next attempt. */
  | { readonly type: 'network-changed' }
  /** The socket was closed because nothing needs it. */
  | { readonly type: 'released' }
  | { readonly type: 'unauthorized'; readonly error: CampaignError }
  | { readonly type: 'authenticated' }
  | { readonly type: 'closed'; readonly error: CampaignError | undefined };

export const IDLE: LinkState = { kind: 'idle', attempt: 0 };

/** The state after an event. `closed` is final, and an event that makes no sense in a state changes nothing. */
export function next(state: LinkState, event: LinkEvent): LinkState {
  if (state.kind === 'closed') return state;
  switch (event.type) {
    case 'closed':
      return { kind: 'closed', error: event.error };
    case 'unauthorized':
      return { kind: 'unauthorized', error: event.error };
    case 'authenticated':
      return state.kind === 'unauthorized' ? IDLE : state;
    case 'connect':
      return state.kind === 'stable' || state.kind === 'open'
        ? state
        : { kind: 'connecting', attempt: attemptOf(state) };
    case 'opened':
      return state.kind === 'connecting' ? { kind: 'open', attempt: state.attempt } : state;
    case 'settled':
      return state.kind === 'open' ? { kind: 'stable' } : state;
    case 'network-changed':
      return state.kind === 'waiting' || state.kind === 'connecting'
        ? { ...state, attempt: Math.min(state.attempt, 1) }
        : state;
    case 'released':
      return state.kind === 'unauthorized' ? state : { kind: 'idle', attempt: attemptOf(state) };
    case 'lost': {
      if (state.kind === 'unauthorized' || state.kind === 'waiting' || state.kind === 'idle') return state;
      const failures = attemptOf(state);
      return { kind: 'waiting', attempt: failures + 1, retryAt: event.now + event.delay(failures), error: event.error };
    }
  }
}

function attemptOf(state: LinkState): number {
  return 'attempt' in state ? state.attempt : 0;
}

/**
 * The state as users see it.
 *
 * @param online whether the device reports a network; believed only while there is no link, for loopback needs none
 */
export function describe(state: LinkState, online: boolean): ConnectionState {
  const attempt = attemptOf(state);
  const seen = { attempt, retryAt: undefined, error: undefined };
  switch (state.kind) {
    case 'idle':
      return { ...seen, status: online ? 'connecting' : 'offline' };
    case 'connecting':
      return { ...seen, status: online ? (attempt === 0 ? 'connecting' : 'reconnecting') : 'offline' };
    case 'open':
    case 'stable':
      return { ...seen, status: 'connected' };
    case 'waiting':
      return { ...seen, status: online ? 'reconnecting' : 'offline', retryAt: state.retryAt, error: state.error };
    case 'unauthorized':
      return { ...seen, status: 'needs-auth', error: state.error };
    case 'closed':
      return { ...seen, status: 'closed', error: state.error };
  }
}
