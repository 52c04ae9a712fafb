import type { EditCommand } from '../../../server/core/commands/command.ts';
import { openChange, type OpenChange } from './change.ts';
import type { Clock } from '../clock.ts';
import { closedError } from '../link/connection.ts';
import type { CampaignError } from '../errors.ts';
import type { Settlement } from '../sync/pending.ts';
import type { RejectedMutation } from '../types.ts';

/** The newest refusals are kept for the app to show, not all of them for ever. */
const REJECTED_KEPT = 20;

/** The edits whose makers wait to hear of them, and what there was to tell. */
export interface Settlements {
  readonly open: (mutationId: string) => OpenChange;
  readonly find: (mutationId: string) => OpenChange | undefined;
  readonly settle: (settlement: Settlement) => void;
  readonly reject: (mutationId: string, command: EditCommand | undefined, error: CampaignError) => void;
  readonly dismiss: (mutationId: string | undefined) => void;
  readonly rejected: () => readonly RejectedMutation[];
  /** Whether the last thing heard of durability was that this server has none. */
  readonly isVolatile: () => boolean;
  /** Nothing more will be heard of any of them. */
  readonly close: () => void;
}

export function createSettlements(clock: Clock): Settlements {
  const changes = new Map<string, OpenChange>();
  let rejected: readonly RejectedMutation[] = [];
  let isVolatile = false;

  function reject(mutationId: string, command: EditCommand | undefined, error: CampaignError): void {
    rejected = [...rejected, { mutationId, command, error, rejectedAt: clock.now() }].slice(-REJECTED_KEPT);
  }

  return {
    open(mutationId) {
      const change = openChange(mutationId);
      changes.set(mutationId, change);
      return change;
    },
    find: (mutationId) => changes.get(mutationId),
    settle(settlement) {
      const { kind, mutationId } = settlement;
      changes.get(mutationId)?.settle(settlement);
      if (kind === 'accepted') return;
      changes.delete(mutationId);
      if (kind === 'rejected') reject(mutationId, settlement.command, settlement.error);
      else isVolatile = kind === 'volatile';
    },
    reject,
    dismiss(mutationId) {
      rejected = mutationId === undefined ? [] : rejected.filter((item) => item.mutationId !== mutationId);
    },
    rejected: () => rejected,
    isVolatile: () => isVolatile,
    close() {
      for (const change of changes.values()) change.fail(closedError());
      changes.clear();
    },
  };
}
