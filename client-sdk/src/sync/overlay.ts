import type { Mutation } from '../../../server/core/commands/command.ts';
import { effect } from '../../../server/core/commands/effect.ts';
import type { DocumentTree } from '../../../server/core/document/document-tree.ts';
import { patchTree } from '../../../server/core/document/merge-patch.ts';
import type { Pending } from './pending.ts';

/** The optimistic view: the confirmed state with everything pending on top that it does not contain yet. */
export type Overlay = (state: DocumentTree, pending: readonly Pending[]) => DocumentTree;

/** A view, and the mutations that lead to it from the confirmed state. */
interface RebasedView {
  readonly of: readonly Mutation[];
  readonly view: DocumentTree;
}

/**
 * Rebases what is pending onto the confirmed state, by the server's own `effect`: all of it after the confirmed state
 * has moved. One more edit, and one more keystroke of the newest edit, continue from the cached view before it, and
 * cost one step, however many wait.
 */
export function createOverlay(): Overlay {
  let base: DocumentTree | undefined;
  /** The last view, and the one before its newest mutation. */
  let cached: readonly RebasedView[] = [];

  return (state, pending) => {
    const open = pending.flatMap(({ mutation, containedAt }) => (containedAt === undefined ? [mutation] : []));
    const known =
      state === base ? cached.find(({ of }) => of.every((mutation, index) => mutation === open[index])) : undefined;
    const from = known ?? { of: [], view: state };
    const rest = open.slice(from.of.length);
    const newest = rest.pop();
    base = state;
    if (!newest) {
      cached = [from];
      return from.view;
    }
    const before = rest.reduce(applyMutation, from.view);
    const view = applyMutation(before, newest);
    cached = [
      { of: open, view },
      { of: open.slice(0, -1), view: before },
    ];
    return view;
  };
}

function applyMutation(view: DocumentTree, { command }: Mutation): DocumentTree {
  // The effect of an update leads to where the update itself leads: the same view, without working out the difference
  // first.
  return patchTree(view, command.type === 'update' ? command.updates : effect(view, command));
}
