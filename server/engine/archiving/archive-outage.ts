import { asError } from '../../core/errors.ts';
import type { DependencyFailure } from '../ports.ts';

/** Kinds of an archive's errors that concern every campaign alike, with what they mean. */
const OUTAGES: Readonly<Record<string, string>> = {
  unreachable: 'The database does not answer',
  full: 'The database has no space left',
  'read-only': 'The database is read-only: its address leads to a replica, as after a failover',
};

/**
 * The outage behind an error of the archive: no campaign's own fault, so that none of them stalls.
 *
 * @returns `undefined` where the error may be about one campaign
 */
export function archiveOutage(error: unknown): DependencyFailure | undefined {
  const kind = error instanceof Error && 'kind' in error ? error.kind : undefined;
  const meaning = typeof kind === 'string' ? OUTAGES[kind] : undefined;
  return meaning === undefined ? undefined : toFailure(String(kind), meaning, error);
}

/** Any failure of a commit, for health and metrics. */
export function commitFailure(error: unknown): DependencyFailure {
  return archiveOutage(error) ?? toFailure('refused', 'The database refuses commits', error);
}

function toFailure(cause: string, meaning: string, error: unknown): DependencyFailure {
  return { cause, message: `${meaning} (${asError(error).message.slice(0, 200)}).` };
}
