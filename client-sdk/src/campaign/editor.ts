import type { EditCommand, Mutation } from '../../../server/core/commands/command.ts';
import type { Clock } from '../clock.ts';
import { CampaignError } from '../errors.ts';
import { closedError } from '../link/connection.ts';
import { positionOf } from '../sync/mirror.ts';
import type { Delivery } from '../sync/pending.ts';
import type { PendingEdits } from '../sync/pending-edits.ts';
import { NO_UNDO, nextUndo, recordStep, removeStep, type EditOrigin } from '../sync/undo.ts';
import type { Change, EditOptions } from '../types.ts';
import { failedChange } from './change.ts';
import type { BuiltCommand } from './commands.ts';
import { sendingError } from './sendable.ts';
import type { Settlements } from './settlements.ts';

/** The edits of one client to one campaign: refused at once or made pending, and remembered for undo and redo. */
export interface Editor {
  /** An edit is shown before this returns, and sent soon after. */
  readonly edit: (mutationId: string, command: BuiltCommand, options: EditOptions | undefined) => Change;
  /** The same, shown and held back until it is released (`pacing.ts`). */
  readonly editHeld: (command: BuiltCommand) => Change;
  /** The held edit with another command; `undefined` where nothing is held. */
  readonly amendHeld: (command: EditCommand) => Change | undefined;
  /** `undefined` where nothing is left to take back, or to make again. */
  readonly takeBack: (from: 'undo' | 'redo') => Change | undefined;
  readonly canUndo: () => boolean;
  readonly canRedo: () => boolean;
  /** Refuses every edit from then on. */
  readonly close: () => void;
}

/** @param publish something has changed beside the pending edits: a refusal, or what can be undone */
export function createEditor(edits: PendingEdits, settlements: Settlements, clock: Clock, publish: () => void): Editor {
  let closed = false;
  let steps = NO_UNDO;

  edits.onChange((settled) => {
    for (const { kind, mutationId } of settled) if (kind === 'rejected') steps = removeStep(steps, mutationId);
  });

  function make(
    mutationId: string,
    command: BuiltCommand,
    options?: EditOptions,
    origin: EditOrigin = 'edit',
    delivery: Delivery = { kind: 'waiting' },
  ): Change {
    if (command instanceof CampaignError) return refuse(mutationId, undefined, command);
    const error = closed ? closedError() : sendingError(command, edits.list().length);
    if (error) return refuse(mutationId, command, error);
    const mirror = edits.mirror();
    const mutation: Mutation = { mutationId, command, ...(mirror && { base: positionOf(mirror) }), ...options };
    if (mirror) steps = recordStep(steps, mutationId, edits.view(), command, origin);
    const { change } = settlements.open(mutationId);
    edits.add(mutation, clock.now(), delivery);
    return change;
  }

  function refuse(mutationId: string, command: EditCommand | undefined, error: CampaignError): Change {
    settlements.reject(mutationId, command, error);
    publish();
    return failedChange(mutationId, error);
  }

  return {
    edit: (mutationId, command, options) => make(mutationId, command, options),
    editHeld: (command) => make(clock.id(), command, undefined, 'edit', { kind: 'held' }),
    amendHeld(command) {
      const mutationId = edits.held()?.mutation.mutationId;
      const open = mutationId === undefined ? undefined : settlements.find(mutationId);
      if (mutationId === undefined || !open) return undefined;
      if (edits.mirror())
        steps = recordStep(removeStep(steps, mutationId), mutationId, edits.viewBeforeHeld(), command, 'edit');
      edits.amendHeld(command);
      return open.change;
    },
    takeBack(from) {
      const next = nextUndo(steps, from, edits.view());
      steps = next ? next.stacks : { ...steps, [from]: [] };
      if (next) return make(clock.id(), next.command, undefined, from);
      publish();
      return undefined;
    },
    canUndo: () => steps.undo.length > 0,
    canRedo: () => steps.redo.length > 0,
    close() {
      closed = true;
    },
  };
}
