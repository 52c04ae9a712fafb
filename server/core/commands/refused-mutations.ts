import type { Reason, Refusal } from '../../core/errors.ts';
import type { AppliedMutation } from '../../core/commands/idempotency.ts';

/**
 * Under this id an empty entry says that a mutation was refused for good, so that a copy of it that comes late is
 * refused as well, whatever the state is by then (G7). No client can choose it, because ids have no spaces; nor takes
 * one the entry for its own change.
 */
export function refusalId(mutationId: string): string {
  return `refused ${mutationId}`;
}

/**
 * What depends on the state: elsewhere, or later, the same mutation may pass. Rights, and what is too old, are no
 * matter of the state.
 */
const BY_THE_STATE: ReadonlySet<Reason> = new Set<Reason>(['CONFLICT', 'INVALID', 'TOO_LARGE', 'NOT_FOUND']);

export function mayPassLater({ reason }: Refusal): boolean {
  return BY_THE_STATE.has(reason);
}

/** For a copy that would pass by now: its first was refused, and that was answered. */
export function refusedBefore({ version }: AppliedMutation, mutationId: string): Refusal {
  const message = `mutationId: ${mutationId} was refused before version ${version}; make the change anew, under another id`;
  return { reason: 'CONFLICT', message, path: ['mutationId'] };
}
