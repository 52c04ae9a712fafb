import type { Entry } from '@campaign-state/client';
import { leavesOf } from './describe-change.ts';

/** Something that an entry has brought, and that can be taken out of it. */
export interface BroughtValue {
  readonly key: string;
  readonly version: number;
  readonly path?: readonly string[];
  readonly comment?: true;
  readonly label: string;
  /** The value, or the beginning of its text. */
  readonly value: string;
}

/** Characters of a value that tell which it is. */
const SHOWN = 80;

/** The values that an entry has brought, place by place, and its comment; what was removed is none. */
export function broughtBy({ version, change, comment }: Entry): BroughtValue[] {
  const values = leavesOf(change, [])
    .filter(({ value }) => value !== null)
    .map(({ path, value }): BroughtValue => {
      const label = path.join('.');
      return { key: `${version} ${JSON.stringify(path)}`, version, path, label, value: excerpt(value) };
    });
  if (comment === undefined) return values;
  return [...values, { key: `${version}`, version, comment: true, label: 'The comment', value: excerpt(comment) }];
}

function excerpt(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}
