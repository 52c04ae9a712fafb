import type { Receipt } from '../../../server/core/stream/entry.ts';
import { CampaignError } from '../errors.ts';
import type { Conflict } from '../sync/conflicts.ts';
import type { Settlement } from '../sync/pending.ts';
import type { Change } from '../types.ts';

/** A change as the app holds it, and the functions that settle it. */
export interface OpenChange {
  readonly change: Change;
  readonly settle: (settlement: Settlement) => void;
  readonly fail: (error: CampaignError) => void;
  /** It has been sent for the first time, at that moment in epoch milliseconds. */
  readonly onSent: (at: number) => void;
  /** No conflict will be found any more. */
  readonly endConflicts: () => void;
}

export function openChange(mutationId: string): OpenChange {
  const accepted = deferred<Receipt>();
  const sent = deferred<number>();
  const durable = deferred<Receipt>();
  const conflict = deferred<Conflict | undefined>();
  const fail = (error: CampaignError) => {
    sent.reject(error);
    accepted.reject(error);
    durable.reject(error);
    conflict.resolve(undefined);
  };
  return {
    change: Object.assign(accepted.promise, {
      mutationId,
      sentAt: sent.promise,
      durable: durable.promise,
      conflict: conflict.promise,
    }),
    fail,
    onSent: sent.resolve,
    endConflicts: () => conflict.resolve(undefined),
    settle(settlement) {
      if (settlement.kind === 'rejected') return fail(settlement.error);
      if (settlement.kind === 'overwritten' || settlement.kind === 'conflict')
        return conflict.resolve(settlement.conflicts[0]);
      accepted.resolve(settlement.receipt);
      if (settlement.kind === 'durable') durable.resolve(settlement.receipt);
      if (settlement.kind === 'volatile') durable.reject(notDurableError(mutationId));
    },
  };
}

interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: CampaignError) => void;
}

function deferred<T>(): Deferred<T> {
  let resolve: Deferred<T>['resolve'] = () => {};
  let reject: Deferred<T>['reject'] = () => {};
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  // Many apps never look at a change again: its refusal must not end their process. Whoever awaits it still gets it.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}

function notDurableError(mutationId: string): CampaignError {
  return new CampaignError({
    reason: 'UNAVAILABLE',
    message: 'This server has no archive',
    retryable: false,
    mutationId,
  });
}
