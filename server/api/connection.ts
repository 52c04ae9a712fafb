import { CampaignError } from '../core/errors.ts';
import type { Identity } from '../core/permissions.ts';
import type { Connection } from './context.ts';
import { API_LIMITS } from './limits.ts';
import type { MutationRate } from './mutation-rate.ts';
import { createOrderLane } from './order-lane.ts';

/**
 * Whether a connection was let in. One that was not stays open and answers every call with the reason, so that a client can still
 * bring a better token, and is not driven into reconnecting.
 */
export type Access = { kind: 'admitted'; identity: Identity } | { kind: 'refused'; error: CampaignError };

/** Who was not let in has no right to anything. */
const NOBODY: Identity = { id: 'nobody', grants: {} };

export interface ConnectionOptions {
  access: Access;
  /** Bytes accepted by the socket and not yet sent. */
  readonly bufferedBytes: () => number;
  /** Gives the socket up. */
  readonly disconnect: () => void;
  /** Writes a frame of its own, beside tRPC's; where that can be done, events are pushed by rooms. */
  readonly push: ((frame: Uint8Array) => void) | undefined;
  rate: MutationRate;
  /** Under which the rate limit counts this connection's mutations, given who is calling. */
  readonly rateKey: (identity: Identity) => string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Told of every call that begins (1) or ends (-1). */
  readonly onCall: (change: 1 | -1) => void;
}

/** The state of one ws socket or one http request. */
export function createConnection({ access, bufferedBytes, disconnect, push, rate, rateKey, now, onCall }: ConnectionOptions): Connection {
  const listeners = new Set<() => void>();
  const beginCall = createCounter(API_LIMITS.pendingCalls, 'calls may wait for their answer on one connection', onCall);
  const beginSubscription = createCounter(API_LIMITS.subscriptions, 'subscriptions may be open on one connection');

  function admitted(): Identity {
    if (access.kind === 'refused') throw access.error;
    const { expiresAt } = access.identity;
    if (expiresAt !== undefined && expiresAt <= now()) throw new CampaignError('UNAUTHORIZED', 'The token has expired');
    return access.identity;
  }

  return {
    lane: createOrderLane(),
    admitted,
    identity: () => (access.kind === 'admitted' ? access.identity : NOBODY),
    bufferedBytes,
    disconnect,
    push,
    actor: () => (access.kind === 'admitted' ? access.identity.id : undefined),
    replaceIdentity(next) {
      // Another token does not make a client understand this server.
      if (access.kind === 'refused' && access.error.refusal.reason === 'UPGRADE_REQUIRED') throw access.error;
      access = { kind: 'admitted', identity: next };
      for (const listener of listeners) listener();
    },
    onIdentity(callback) {
      listeners.add(callback);
      return () => listeners.delete(callback);
    },
    spend: async (mutations) => rate(rateKey(admitted()), mutations),
    beginCall,
    beginSubscription,
  };
}

/** Counts up to a limit; what it returns counts down, once. */
function createCounter(limit: number, what: string, onChange?: (change: 1 | -1) => void): () => () => void {
  let count = 0;
  return () => {
    if (count >= limit) throw new CampaignError('RATE_LIMITED', `At most ${limit} ${what}`, { limit });
    count += 1;
    onChange?.(1);
    let counted = true;
    return () => {
      if (!counted) return;
      counted = false;
      count -= 1;
      onChange?.(-1);
    };
  };
}
