import { changedPaths } from './describe-change.ts';
import type { Edit } from './group-entries.ts';

/** What is looked for in a history, as it is typed; empty: everything. */
export interface HistoryFilter {
  readonly person: string;
  /** A place in the document, with dots: `ui_content.banner`, and all that is in it. */
  readonly place: string;
  /** Days, as a date control has them: 2027-03-01. */
  readonly from: string;
  readonly to: string;
}

export const EVERYTHING: HistoryFilter = { person: '', place: '', from: '', to: '' };

export function isEverything(filter: HistoryFilter): boolean {
  return Object.values(filter).every((value: string) => value.trim() === '');
}

/** The times that a filter's days name, in epoch milliseconds, both included, by this device's clock. */
export function timesOf({ from, to }: HistoryFilter): { from?: number; to?: number } {
  const [first, last] = [Date.parse(`${from}T00:00:00`), Date.parse(`${to}T23:59:59.999`)];
  return { ...(!Number.isNaN(first) && { from: first }), ...(!Number.isNaN(last) && { to: last }) };
}

/** The keys of a filter's place. */
export function pathOf({ place }: HistoryFilter): string[] {
  return place.split('.').flatMap((key) => (key.trim() === '' ? [] : [key.trim()]));
}

/** Whether an entry is what is looked for. */
export function matches(entry: Edit, filter: HistoryFilter): boolean {
  const { from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY } = timesOf(filter);
  if (entry.at < from || entry.at > to) return false;
  if (filter.person.trim() !== '' && entry.actor.id !== filter.person.trim()) return false;
  const place = pathOf(filter).join('.');
  return (
    place === '' ||
    changedPaths(entry.change).some((path) => `${path}.`.startsWith(`${place}.`) || `${place}.`.startsWith(`${path}.`))
  );
}
