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
  /** The same for as long as the group is there, however it grows at either end. */
  readonly key: number;
  readonly newest: E;
  readonly oldest: E;
  readonly entries: readonly E[];
}

const ONE_SITTING = 60_000;
const places = new WeakMap<Edit, string>();

/**
 * Folds the strokes of somebody typing into one row, again and again as entries come. Everything but plain edits stands
 * alone. A group that is as it was is the same object as before, so that its row is not drawn anew. The group that is
 * held, by its key, stays where its entries are no longer among those that are loaded.
 */
export function createGrouping<E extends Edit>(): (
  newestFirst: readonly E[],
  held?: number,
) => readonly EntryGroup<E>[] {
  let known = new Map<number, EntryGroup<E>>();
  let nextKey = 0;
  return (newestFirst, held) => {
    const used = new Set<number>();
    const groups = runsOf(newestFirst).map((run): EntryGroup<E> => {
      const { newest, oldest, entries } = run;
      const before = [known.get(newest.version), known.get(oldest.version)].find(
        (group) => group && !used.has(group.key),
      );
      const key = before?.key ?? nextKey++;
      used.add(key);
      return before && isSame(before.entries, entries) ? before : { key, newest, oldest, entries };
    });
    const missing = held === undefined || used.has(held) ? undefined : findGroup(known.values(), held);
    if (missing) {
      const below = groups.findIndex(({ newest }) => newest.version < missing.newest.version);
      // What is newer than everything is of a history that is no more.
      if (below !== 0) groups.splice(below < 0 ? groups.length : below, 0, missing);
    }
    known = new Map(groups.flatMap((group) => group.entries.map(({ version }) => [version, group] as const)));
    return groups;
  };
}

function findGroup<E extends Edit>(groups: Iterable<EntryGroup<E>>, key: number): EntryGroup<E> | undefined {
  for (const group of groups) if (group.key === key) return group;
  return undefined;
}

interface Run<E> {
  readonly newest: E;
  oldest: E;
  readonly entries: E[];
}

function runsOf<E extends Edit>(newestFirst: readonly E[]): Run<E>[] {
  const runs: Run<E>[] = [];
  for (const entry of newestFirst) {
    const run = runs.at(-1);
    if (run && belongs(entry, run.oldest)) {
      run.oldest = entry;
      run.entries.push(entry);
    } else {
      runs.push({ newest: entry, oldest: entry, entries: [entry] });
    }
  }
  return runs;
}

function isSame<E>(some: readonly E[], others: readonly E[]): boolean {
  return some.length === others.length && some.every((entry, index) => entry === others[index]);
}

function belongs(earlier: Edit, later: Edit): boolean {
  return (
    (earlier.type === 'update' || earlier.type === 'updateConfig') &&
    earlier.type === later.type &&
    earlier.actor.id === later.actor.id &&
    later.at - earlier.at <= ONE_SITTING &&
    placesOf(earlier) === placesOf(later)
  );
}

/** Where an entry has changed something; worked out once for each. */
function placesOf(entry: Edit): string {
  const found = places.get(entry) ?? changedPaths(entry.change).join();
  places.set(entry, found);
  return found;
}
