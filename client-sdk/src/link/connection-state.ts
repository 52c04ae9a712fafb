import type { CampaignError } from '../errors.ts';
import type { ConnectionState } from '../types.ts';

/**
 * The life of the link, as a machine without clock or socket: `connection.ts` tells it what happened and does what
 * follows. It has more states than users see; {@link describe} says which are alike to them.
 */
export type LinkState =
  /** Nothing has needed a link yet, or nothing needs it any more; its failures are remembered. */
  | { readonly kind: 'idle'; readonly attempt: number }
  /** A socket is being opened. */
  | { readonly kind: 'dialing'; readonly attempt: number }
  /** Open, but not for long enough to be trusted: closing now counts as one more failure (accept-then-close). */
  | { readonly kind: 'fresh'; readonly attempt: number }
  | { readonly kind: 'stable' }
  /** Lost; the next attempt comes at `retryAt` (epoch milliseconds). */
  | { readonly kind: 'waiting'; readonly attempt: number; readonly retryAt: number; readonly error: CampaignError }
  /** The server refused the token: no attempt until there is another one. */
  | { readonly kind: 'refused'; readonly error: CampaignError }
  /** For good. */
  | { readonly kind: 'closed'; readonly error: CampaignError | undefined };

export type LinkEvent =
  | { readonly type: 'dial' }
  | { readonly type: 'opened' }
  /** It has stayed open long enough. */
  | { readonly type: 'settled' }
  /** The socket closed, or could not be opened. `delay` (milliseconds) is the jittered wait before the next attempt. */
  | {
      readonly type: 'lost';
      readonly error: CampaignError;
      readonly now: number;
      readonly delay: (attempt: number) => number;
    }
  /** The network, or the page, is back: what failed before says nothing any more. */
  | { readonly type: 'hurried' }
  /** The socket was closed because nothing needs it. */
  | { readonly type: 'released' }
  | { readonly type: 'unauthorized'; readonly error: CampaignError }
  | { readonly type: 'authenticated' }
  | { readonly type: 'closed'; readonly error: CampaignError | undefined };

export const IDLE: LinkState = { kind: 'idle', attempt: 0 };

/** What the link is after an event. `closed` is final, and what makes no sense in a state changes nothing. */
export function next(state: LinkState, event: LinkEvent): LinkState {
  if (state.kind === 'closed') return state;
  switch (event.type) {
    case 'closed':
      return { kind: 'closed', error: event.error };
    case 'unauthorized':
      return { kind: 'refused', error: event.error };
    case 'authenticated':
      return state.kind === 'refused' ? IDLE : state;
    case 'dial':
      return state.kind === 'stable' || state.kind === 'fresh' ? state : { kind: 'dialing', attempt: attemptOf(state) };
    case 'opened':
      return state.kind === 'dialing' ? { kind: 'fresh', attempt: state.attempt } : state;
    case 'settled':
      return state.kind === 'fresh' ? { kind: 'stable' } : state;
    case 'hurried':
      return state.kind === 'waiting' || state.kind === 'dialing'
        ? { ...state, attempt: Math.min(state.attempt, 1) }
        : state;
    case 'released':
      return state.kind === 'refused' ? state : { kind: 'idle', attempt: attemptOf(state) };
    case 'lost': {
      if (state.kind === 'refused' || state.kind === 'waiting' || state.kind === 'idle') return state;
      const failures = attemptOf(state);
      return { kind: 'waiting', attempt: failures + 1, retryAt: event.now + event.delay(failures), error: event.error };
    }
  }
}

function attemptOf(state: LinkState): number {
  return 'attempt' in state ? state.attempt : 0;
}

/**
 * What users see of it.
 *
 * @param online whether the device says that it has a network; believed only while there is no link, for loopback needs
 *   none
 */
export function describe(state: LinkState, online: boolean): ConnectionState {
  const attempt = attemptOf(state);
  const seen = { attempt, retryAt: undefined, error: undefined };
  switch (state.kind) {
    case 'idle':
      return { ...seen, status: online ? 'connecting' : 'offline' };
    case 'dialing':
      return { ...seen, status: online ? (attempt === 0 ? 'connecting' : 'reconnecting') : 'offline' };
    case 'fresh':
    case 'stable':
      return { ...seen, status: 'connected' };
    case 'waiting':
      return { ...seen, status: online ? 'reconnecting' : 'offline', retryAt: state.retryAt, error: state.error };
    case 'refused':
      return { ...seen, status: 'needs-auth', error: state.error };
    case 'closed':
      return { ...seen, status: 'closed', error: state.error };
  }
}
