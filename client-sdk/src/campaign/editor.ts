import type { EditCommand, Mutation } from '../../../server/core/commands/command.ts';
import type { Clock } from '../clock.ts';
import { CampaignError, closedError } from '../errors.ts';
import { apply, treeOf } from '../../../server/core/stream/apply.ts';
import type { Entry, ViewEntry } from '../../../server/core/stream/entry.ts';
import { diff } from '../../../server/core/document/merge-patch.ts';
import { positionOf, type Mirror } from '../sync/mirror.ts';
import type { Delivery } from '../sync/pending.ts';
import type { PendingEdits } from '../sync/pending-edits.ts';
import type { EditOrigin } from '../sync/undo.ts';
import { undoableEdit } from '../sync/undoable-edit.ts';
import type { EditRulesLoader } from '../sync/edit-rules-loader.ts';
import type { Change, ConflictPolicy, EditOptions } from '../types.ts';
import { bounded } from '../within.ts';
import type { OpenChange } from './change.ts';
import type { BuiltCommand } from './commands.ts';
import { readOptions, sendingError } from './sendable.ts';
import type { Settlements } from './settlements.ts';
import { createUndoHistory } from './undo-history.ts';

/** The edits of one client to one campaign: refused at once or made pending, and remembered for undo and redo. */
export interface Editor {
  /**
   * An edit is shown before this returns, and sent soon after.
   *
   * @param early its change, where that was handed out before
   */
  readonly edit: (
    mutationId: string,
    command: BuiltCommand,
    options: EditOptions | undefined,
    early?: OpenChange,
  ) => Change;
  /** The same, shown and held back until it is released (`pacing.ts`). */
  readonly editHeld: (command: BuiltCommand, options: EditOptions) => Change;
  /** The held edit with another command; `undefined` where nothing is held. */
  readonly amendHeld: (command: EditCommand) => Change | undefined;
  /** `undefined` where nothing is left to take back, or to make again. */
  readonly takeBack: (from: 'undo' | 'redo') => Change | undefined;
  readonly canUndo: () => boolean;
  readonly canRedo: () => boolean;
  /** A rollback of this client is about to be sent under that id: it will be a step when its entry comes. */
  readonly expectRollback: (mutationId: string) => void;
  readonly isRollback: (mutationId: string) => boolean;
  /** It was refused, or changed nothing. */
  readonly dropRollback: (mutationId: string) => void;
  /** Entries that follow on `before`. */
  readonly onEntries: (before: Mirror | undefined, entries: readonly (Entry | ViewEntry)[]) => void;
  /** Drops what can be taken back: the campaign was deleted. */
  readonly forget: () => void;
  /** Refuses every edit from then on. */
  readonly close: () => void;
}

/** A page that is cut off may learn of it late, or never. */
const LOAD_TIMEOUT_MS = 10_000;

export interface EditorOptions {
  readonly edits: PendingEdits;
  readonly settlements: Settlements;
  readonly rules: EditRulesLoader;
  readonly clock: Clock;
  /** The longest pause within one undo step of what is typed, in milliseconds. */
  readonly undoGroupMs: number;
  /** What to do where somebody else has changed the same, unless an edit says it. */
  readonly onConflict: ConflictPolicy;
  /** Something has changed beside the pending edits: a refusal, or what can be undone. */
  readonly publish: () => void;
}

export function createEditor(options: EditorOptions): Editor {
  const { edits, settlements, rules, clock, undoGroupMs, onConflict, publish } = options;
  /** The rollbacks of this client whose entries have not come yet, by mutation id. */
  const rollbacks = new Set<string>();
  const typing = () => ({ now: clock.now(), groupMs: undoGroupMs });
  const history = createUndoHistory(rules, publish);
  let closed = false;

  edits.onChange((settled) => {
    for (const { kind, mutationId } of settled) if (kind === 'rejected') history.remove(mutationId);
  });

  function make(
    mutationId: string,
    command: BuiltCommand,
    given?: EditOptions,
    origin: EditOrigin = 'edit',
    delivery: Delivery = { kind: 'waiting' },
  ): Change {
    if (command instanceof CampaignError) return refuse(mutationId, undefined, command);
    const travelling = readOptions(given);
    if (travelling instanceof CampaignError) return refuse(mutationId, command, travelling);
    const error = closed ? closedError() : sendingError(command, edits.list().length);
    if (error) return refuse(mutationId, command, error);
    const mirror = edits.mirror();
    const mutation: Mutation = { mutationId, command, ...(mirror && { base: positionOf(mirror) }), ...travelling };
    const undoable = mirror && undoableEdit(mutationId, edits.view(), command);
    if (undoable) history.record(undoable, origin, delivery.kind === 'held' ? typing() : undefined);
    const { change } = settlements.open(mutationId);
    edits.add(mutation, clock.now(), delivery, given?.onConflict ?? onConflict);
    return change;
  }

  function refuse(mutationId: string, command: EditCommand | undefined, error: CampaignError): Change {
    settlements.reject(mutationId, command, error);
    publish();
    const { change, fail } = settlements.open(mutationId);
    fail(error);
    settlements.forget(mutationId);
    return change;
  }

  function takeBack(from: 'undo' | 'redo', mutationId: string): Change | undefined {
    const command = history.take(from, edits.view());
    if (command) return make(mutationId, command, undefined, from);
    publish();
    return undefined;
  }

  return {
    edit(mutationId, command, given, early) {
      if (early) settlements.open(mutationId, early);
      return make(mutationId, command, given);
    },
    editHeld: (command, given) => make(clock.id(), command, given, 'edit', { kind: 'held' }),
    amendHeld(command) {
      const mutationId = edits.held()?.mutation.mutationId;
      const open = mutationId === undefined ? undefined : settlements.find(mutationId);
      if (mutationId === undefined || !open) return undefined;
      if (edits.mirror())
        history.amend(mutationId, undoableEdit(mutationId, edits.viewBeforeHeld(), command), typing());
      edits.amendHeld(command);
      return open.change;
    },
    takeBack(from) {
      const mutationId = clock.id();
      if (rules.now() || !history.can(from)) return takeBack(from, mutationId);
      // The very first edits are taken back while the code for that is on its way.
      const { change } = settlements.open(mutationId);
      const giveUp = (cause?: unknown) => void refuse(mutationId, undefined, notTakenBack(mutationId, cause));
      bounded(rules.load, { timeout: LOAD_TIMEOUT_MS }, clock).then(() => {
        if (!takeBack(from, mutationId)) giveUp();
      }, giveUp);
      return change;
    },
    canUndo: () => history.can('undo'),
    canRedo: () => history.can('redo'),
    isRollback: (mutationId) => rollbacks.has(mutationId),
    expectRollback: (mutationId) => void rollbacks.add(mutationId),
    dropRollback: (mutationId) => void rollbacks.delete(mutationId),
    onEntries(before, entries) {
      if (!before || rollbacks.size === 0) return;
      let { content } = before;
      for (const entry of entries) {
        const next = apply(content, entry);
        if ('mutationId' in entry && rollbacks.delete(entry.mutationId)) {
          const { mutationId, change } = entry;
          history.record({ mutationId, change, inverse: diff(treeOf(next), treeOf(content)) }, 'edit');
        }
        content = next;
      }
    },
    forget: history.clear,
    close() {
      closed = true;
    },
  };
}

/** @param cause why the code for it could not be loaded; without one, nothing is left */
function notTakenBack(mutationId: string, cause: unknown): CampaignError {
  const [reason, message] = cause
    ? (['UNAVAILABLE', 'Undo could not be loaded'] as const)
    : (['NOT_FOUND', 'Nothing to take back'] as const);
  return new CampaignError({ reason, message, mutationId }, { cause });
}
