/**
 * Unique name of an entry, `epoch:version`. A version alone is not unique: after a loss the same number can name
 * another change.
 *
 * @example '5kQ0cB2v:418'
 */
export type Position = string;

/**
 * Name of a version on the current timeline: its number, or a position, which also says whether that entry is still on
 * that timeline.
 */
export type VersionName = Position | number;

/** A place in a history: a version, or the newest one at a time (epoch milliseconds). */
export type Moment = VersionName | { time: number };

/** An epoch is a random token; it never holds a colon. */
const POSITION = /^([A-Za-z0-9_-]{1,32}):(0|[1-9]\d{0,15})$/;

export function formatPosition(epoch: string, version: number): Position {
  return `${epoch}:${version}`;
}

/** Parses a position; `undefined` for anything else, a version beyond the safe integers included. */
export function parsePosition(text: string): { epoch: string; version: number } | undefined {
  const match = POSITION.exec(text);
  if (!match) return undefined;
  const [, epoch, digits] = match;
  const version = Number(digits);
  return epoch !== undefined && Number.isSafeInteger(version) ? { epoch, version } : undefined;
}

/** Fork of a timeline: `epoch` continues `parent` from `fromVersion`, the last version that both share. */
export interface Fork {
  readonly epoch: string;
  readonly parent: string;
  readonly fromVersion: number;
}

/**
 * Newest version of an epoch that is on the current timeline; `undefined` where that timeline does not come from that
 * epoch. A position is on the current timeline if its version is at or below that bound.
 *
 * @param lineage the forks of this campaign, oldest first; the last one's `epoch` is the current one (none: never
 *   forked)
 */
export function lastSharedVersion(
  epoch: string,
  current: { epoch: string; version: number },
  lineage: readonly Fork[],
): number | undefined {
  if (epoch === current.epoch) return current.version;
  let bound = current.version;
  for (let index = lineage.length - 1; index >= 0; index -= 1) {
    const fork = lineage[index];
    if (!fork) continue;
    bound = Math.min(bound, fork.fromVersion);
    if (fork.parent === epoch) return bound;
  }
  return undefined;
}

/** Version number that a name means on the current timeline; `undefined` for a position that is not on it. */
export function versionOnTimeline(
  named: VersionName,
  current: { epoch: string; version: number },
  lineage: readonly Fork[],
): number | undefined {
  if (typeof named === 'number') return named;
  const position = parsePosition(named);
  const bound = position && lastSharedVersion(position.epoch, current, lineage);
  return position && bound !== undefined && position.version <= bound ? position.version : undefined;
}
