import { changedPaths } from './describe-change.ts';

/** What a row needs of an entry. */
export interface Edit {
  readonly version: number;
  readonly type: string;
  readonly at: number;
  readonly actor: { readonly id: string };
  readonly change: Readonly<Record<string, unknown>>;
}

/**
 * Entries that belong together, newest first: one person's strokes at the same place, each within a minute of the next.
 */
export interface EntryGroup<E extends Edit> {
  readonly newest: E;
  readonly oldest: E;
  readonly entries: readonly E[];
}

const ONE_SITTING = 60_000;

/** Folds the strokes of somebody typing into one row. Everything but plain edits stands alone. */
export function groupEntries<E extends Edit>(newestFirst: readonly E[]): EntryGroup<E>[] {
  const groups: EntryGroup<E>[] = [];
  for (const entry of newestFirst) {
    const group = groups.at(-1);
    if (group && belongs(entry, group.oldest)) {
      groups[groups.length - 1] = { newest: group.newest, oldest: entry, entries: [...group.entries, entry] };
    } else {
      groups.push({ newest: entry, oldest: entry, entries: [entry] });
    }
  }
  return groups;
}

function belongs(earlier: Edit, later: Edit): boolean {
  return (
    (earlier.type === 'update' || earlier.type === 'updateConfig') &&
    earlier.type === later.type &&
    earlier.actor.id === later.actor.id &&
    later.at - earlier.at <= ONE_SITTING &&
    changedPaths(earlier.change).join() === changedPaths(later.change).join()
  );
}
