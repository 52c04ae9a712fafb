import type { Command } from '../core/commands/command.ts';
import type { Refusal } from '../core/errors.ts';
import type { SnapshotReason } from '../core/stream/events.ts';

export type CommandType = Command['type'];

/**
 * The outcome of a mutation. `duplicate`: a known id, answered with its first receipt; `failed`: whether it was
 * accepted is not known, or an internal error occurred.
 */
export type MutationOutcome = 'accepted' | 'unchanged' | 'duplicate' | 'rejected' | 'failed';

/**
 * Hooks of the engine for metrics, logs and traces. All are optional and are called synchronously; none may throw.
 */
export interface EngineObserver {
  /** A mutation was answered; `seconds` since its arrival. */
  mutation?(event: {
    readonly campaignId: string;
    readonly type: CommandType;
    readonly outcome: MutationOutcome;
    readonly seconds: number;
    readonly actor: string;
    readonly correlationId: string;
    readonly mutationId: string;
    readonly refusal?: Refusal;
  }): void;
  /** The log answered an append; without entries it confirmed a head. */
  appended?(event: { readonly campaignId: string; readonly entries: number; readonly seconds: number }): void;
  /**
   * An entry was applied, whichever way it came.
   *
   * @returns a callback for when it has been offered to all of the campaign's subscribers here, so that the delay can
   *   be measured by the observer's own clock
   */
  applied?(event: {
    readonly campaignId: string;
    readonly version: number;
    readonly subscribers: number;
  }): (() => void) | undefined;
  /** One event, of so many entries, was sent to so many subscribers; a snapshot counts as one entry. */
  delivered?(entries: number, readers: number): void;
  /** A subscription began: from entries, or with a snapshot for that reason. */
  joined?(outcome: 'entries' | SnapshotReason): void;
  /** A reader that fell behind was sent a snapshot instead of the entries that it missed. */
  dropped?(): void;
  /** A campaign was forked and its subscribers reset; so many mutations known to this instance are lost. */
  reset?(event: { readonly campaignId: string; readonly lost: number }): void;
  loaded?(campaignId: string): void;
  evicted?(campaignId: string): void;
  /** A batch was committed in the archive. */
  committed?(event: { readonly campaigns: number; readonly entries: number; readonly seconds: number }): void;
  /** A batch could not be committed, and is tried again. */
  commitFailed?(event: { readonly error: Error; readonly attempt: number; readonly retryInMs: number }): void;
  /** One campaign's entries cannot be committed, while those of others can. */
  stalled?(event: { readonly campaignId: string; readonly error: Error }): void;
  /** Events of analytics were recorded, in one transaction. */
  eventsRecorded?(event: {
    readonly events: number;
    readonly exposures: number;
    /** Exposures that the server would not have assigned. */
    readonly unverified: number;
    readonly seconds: number;
  }): void;
  /** Events were refused, because too many waited. */
  eventsRefused?(events: number): void;
  /** A viewer was judged without the places that are held for it, because the database did not tell them in time. */
  placesUnknown?(): void;
  /** The server made a step of a ramp, or held a rule that did harm. */
  ruleGuided?(event: {
    readonly campaignId: string;
    readonly rule: string;
    readonly what: 'step' | 'pause' | 'rollback';
  }): void;
  /** The retention of analytics was applied; so many rows of units are gone, perhaps none. */
  analyticsSwept?(rows: number): void;
  /** An unexpected error occurred and was contained; `what` names the operation. */
  failed?(event: { readonly what: string; readonly campaignId?: string; readonly error: Error }): void;
}
