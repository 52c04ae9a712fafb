import type { Reason, Refusal } from '../errors.ts';
import type { AppliedMutation } from './idempotency.ts';

/**
 * Id of the tombstone entry of a refused mutation. The tombstone records that the mutation was refused for good, so
 * that a delayed copy of it is refused as well, whatever the state is by then (G7). Ids of clients have no spaces, so
 * that no client can choose this one, and a lookup of the mutation's own id never finds the tombstone.
 */
export function refusalId(mutationId: string): string {
  return `refused ${mutationId}`;
}

/**
 * Reasons that depend on the state: later, the same mutation may pass. Rights, and what is too old, do not depend on
 * the state.
 */
const STATE_DEPENDENT: ReadonlySet<Reason> = new Set<Reason>([
  'CONFLICT',
  'INVALID',
  'TOO_LARGE',
  'NOT_FOUND',
  'LOCKED',
]);

export function mayPassLater({ reason }: Refusal): boolean {
  return STATE_DEPENDENT.has(reason);
}

/** Refusal of a delayed copy that would pass by now: its first copy was refused, and that was answered. */
export function refusedBefore({ version }: AppliedMutation, mutationId: string): Refusal {
  const message = `mutationId: ${mutationId} was refused before version ${version}; make the change anew, under another id`;
  return { reason: 'CONFLICT', message, path: ['mutationId'] };
}
