import type { GroupMutation, GroupOutcome } from '../../core/commands/decide-group.ts';
import type { Position } from '../../core/stream/position.ts';

/** Mutation that waits in its campaign's queue for its decision. */
export interface QueuedMutation extends GroupMutation {
  /** Position at which the intent was made, if the caller said so. */
  readonly base: Position | undefined;
  /** Whether the id came with the mutation, so that this can be a retry; ids that the server has just made are new. */
  readonly hasClientId: boolean;
  /** Weight of its command (`weightOf`). */
  readonly weight: number;
  settle(outcome: QueueOutcome): void;
}

/** What the queue answers: what was decided, or why it could not be. Receipts and errors are made of it by `calls`. */
export type QueueOutcome = GroupOutcome | { readonly kind: 'failed'; readonly error: Error };
