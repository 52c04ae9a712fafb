import type { Command } from '../core/commands/command.ts';
import type { Refusal } from '../core/errors.ts';
import type { SnapshotReason } from '../core/stream/events.ts';

export type CommandType = Command['type'];

/**
 * How a mutation ended. `duplicate`: a known id, answered with the first receipt; `failed`: what became of it is not
 * known, or it broke down.
 */
export type MutationOutcome = 'accepted' | 'unchanged' | 'duplicate' | 'rejected' | 'failed';

/**
 * What the engine tells metrics, logs and traces. Plain callbacks, called synchronously; none may throw, and none is
 * needed for the engine to work.
 */
export interface EngineObserver {
  /** A mutation was answered; `seconds` from its arrival. */
  mutation?(event: {
    campaignId: string;
    type: CommandType;
    outcome: MutationOutcome;
    seconds: number;
    actor: string;
    correlationId: string;
    mutationId: string;
    refusal?: Refusal;
  }): void;
  /** The log answered an append; no entries: the confirmation of a head. */
  appended?(event: { campaignId: string; entries: number; seconds: number }): void;
  /**
   * An entry came to this instance, in whichever way, and was applied.
   *
   * @returns called once it has been offered to all of its subscribers here; so that nobody's clock but the caller's is
   *   needed to measure it
   */
  applied?(event: { campaignId: string; version: number; subscribers: number }): (() => void) | undefined;
  /** One event, of so many entries, went to so many subscribers; a snapshot counts as one entry. */
  delivered?(entries: number, readers: number): void;
  /** A subscription was answered: from entries, or with a snapshot for that reason. */
  joined?(outcome: 'entries' | SnapshotReason): void;
  /** A reader that fell behind was given a snapshot instead of what it missed. */
  dropped?(): void;
  /**
   * The line of a campaign broke, and subscribers were reset; `lost` mutations that this instance knows of did not
   * survive.
   */
  reset?(event: { campaignId: string; lost: number }): void;
  loaded?(campaignId: string): void;
  evicted?(campaignId: string): void;
  /** A batch was committed in the archive. */
  committed?(event: { campaigns: number; entries: number; seconds: number }): void;
  /** A batch failed, and is tried again. */
  commitFailed?(event: { error: Error; attempt: number; retryInMs: number }): void;
  /** One campaign's entries cannot be committed, while those of others can. */
  stalled?(event: { campaignId: string; error: Error }): void;
  /** Something that should not happen happened, and was contained. */
  failed?(event: { what: string; campaignId?: string; error: Error }): void;
}
