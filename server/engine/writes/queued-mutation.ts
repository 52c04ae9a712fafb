import type { Command, CreateCommand } from '../../core/commands/command.ts';
import type { Request } from '../../core/commands/decide.ts';
import type { Position } from '../../core/stream/entry.ts';
import type { Refusal } from '../../core/errors.ts';
import type { AppliedMutation } from '../../core/commands/idempotency.ts';
import type { JsonObject } from '../../core/json.ts';
import type { LogRecord } from '../ports.ts';

/** What can be asked of a campaign that is there. */
export type QueuedCommand = Exclude<Command, CreateCommand>;

/** A mutation that waits for its decision. */
export interface QueuedMutation {
  request: Omit<Request, 'command'> & { command: QueuedCommand };
  mutationId: string;
  /** Where the intent was made, if the caller said. */
  base: string | undefined;
  /** Whether the id came with the mutation, so that this can be a retry; ids that the server has just made are new. */
  hasClientId: boolean;
  /** Where the client stood that pushed it, the same for a whole push; nothing for a direct call. */
  seen: Position | undefined;
  /**
   * Whether a copy of it may still be on its way, as far as who pushed it can tell; `undefined`: a direct call, which
   * says nothing of that.
   */
  isRetry: boolean | undefined;
  correlationId: string;
  comment: string | undefined;
  dryRun: boolean;
  settle(outcome: QueueOutcome): void;
}

/** What the queue answers; the manager makes receipts and errors of it. */
export type QueueOutcome =
  | { kind: 'accepted'; entry: LogRecord }
  | { kind: 'unchanged'; epoch: string; version: number }
  | { kind: 'duplicate'; applied: AppliedMutation }
  | { kind: 'dry-run'; epoch: string; version: number; change: JsonObject }
  | { kind: 'rejected'; refusal: Refusal }
  | { kind: 'failed'; error: Error };
