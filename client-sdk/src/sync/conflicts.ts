import type { Path } from '../../../server/core/errors.ts';
import type { JsonValue } from '../../../server/core/json.ts';
import type { Actor } from '../../../server/core/stream/entry.ts';

/** A place that this client edited while somebody else changed it. */
export interface Conflict {
  /** The edit of this client. */
  readonly mutationId: string;
  /** The place in the document, outermost first. */
  readonly path: Path;
  /** Their value; `undefined` where they removed it. */
  readonly theirs: unknown;
  /** This client's value; `undefined` where it removed it. */
  readonly mine: unknown;
  /** Who changed it; `undefined` where this client may not see that, or has got no entry of the change. */
  readonly actor: Actor | undefined;
  /** The version with their value. */
  readonly version: number;
  /** When they changed it, in epoch milliseconds; `undefined` where this client has got no entry of the change. */
  readonly at: number | undefined;
}

/** A place that an edit changes. */
export interface Place {
  readonly path: Path;
  /** Its value in the view on which the edit was made; `undefined` where there was none. */
  readonly was: JsonValue | undefined;
  readonly mine: JsonValue | undefined;
}

/** The conflicts of an edit after new ones: the newest of each place. */
export function mergeConflicts(before: readonly Conflict[], found: readonly Conflict[]): readonly Conflict[] {
  const key = ({ path }: Conflict) => JSON.stringify(path);
  const places = new Set(found.map(key));
  return [...before.filter((conflict) => !places.has(key(conflict))), ...found];
}
