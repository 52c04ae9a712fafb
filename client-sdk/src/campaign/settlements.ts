import type { EditCommand } from '../../../server/core/commands/command.ts';
import { openChange, type OpenChange } from './change.ts';
import type { Clock } from '../clock.ts';
import { type CampaignError, closedError } from '../errors.ts';
import { mergeConflicts, type Conflict } from '../sync/conflicts.ts';
import type { Answers } from '../sync/sync-status.ts';
import type { PendingEdits } from '../sync/pending-edits.ts';
import type { RejectedMutation } from '../types.ts';

/** The newest refusals and conflicts are kept for the app to show, not all of them for ever. */
const MAX_KEPT = 20;

/** The open changes of one campaign, each settled by what becomes of its mutation, and the refusals among them. */
export interface Settlements {
  /** The change of a mutation: the given one or a new one, unless it is open already. */
  readonly open: (mutationId: string, given?: OpenChange) => OpenChange;
  /** The change of a mutation, while it is open. */
  readonly find: (mutationId: string) => OpenChange | undefined;
  /** The change of a mutation has been settled elsewhere. */
  readonly forget: (mutationId: string) => void;
  /** A mutation was refused before it became pending. */
  readonly reject: (mutationId: string, command: EditCommand | undefined, error: CampaignError) => void;
  /** Takes a refusal, or what was overwritten, off the list, or all of them. */
  readonly dismiss: (mutationId: string | undefined) => void;
  readonly answers: () => Answers;
  /** Rejects every open change. */
  readonly close: () => void;
}

export function createSettlements(edits: PendingEdits, clock: Clock): Settlements {
  const changes = new Map<string, OpenChange>();
  let rejected: readonly RejectedMutation[] = [];
  let overwritten: readonly Conflict[] = [];
  let isVolatile = false;

  function reject(mutationId: string, command: EditCommand | undefined, error: CampaignError): void {
    rejected = [...rejected, { mutationId, command, error, rejectedAt: clock.now() }].slice(-MAX_KEPT);
  }

  edits.onSent((mutationIds) => {
    for (const mutationId of mutationIds) changes.get(mutationId)?.onSent(clock.now());
  });
  edits.onChange((settled) => {
    for (const settlement of settled) {
      const { kind, mutationId } = settlement;
      changes.get(mutationId)?.settle(settlement);
      if (kind === 'overwritten') overwritten = mergeConflicts(overwritten, settlement.conflicts).slice(-MAX_KEPT);
      if (kind === 'accepted' || kind === 'overwritten' || kind === 'conflict') continue;
      // A conflict can be found later than the answer comes.
      edits.whenExamined(() => {
        changes.get(mutationId)?.endConflicts();
        changes.delete(mutationId);
      });
      if (kind === 'rejected') reject(mutationId, settlement.command, settlement.error);
      else isVolatile = kind === 'volatile';
    }
  });

  return {
    open(mutationId, given = openChange(mutationId)) {
      const change = changes.get(mutationId) ?? given;
      changes.set(mutationId, change);
      return change;
    },
    find: (mutationId) => changes.get(mutationId),
    forget: (mutationId) => void changes.delete(mutationId),
    reject,
    dismiss(mutationId) {
      const isKept = (item: { readonly mutationId: string }) =>
        mutationId !== undefined && item.mutationId !== mutationId;
      rejected = rejected.filter(isKept);
      overwritten = overwritten.filter(isKept);
    },
    answers: () => ({ rejected, overwritten, isVolatile }),
    close() {
      for (const change of changes.values()) change.fail(closedError());
      changes.clear();
    },
  };
}
