import type { Round } from './row.ts';

/** Node raises its own limit to the hard one, so that only that one counts. */
function openFilesLimit(): number {
  // The report's type says nothing of its contents.
  const report = process.report.getReport() as { userLimits?: { open_files?: { hard?: number | 'unlimited' } } };
  const hard = report.userLimits?.open_files?.hard;
  return typeof hard === 'number' ? hard : Number.POSITIVE_INFINITY;
}

/** Files that a process has open beside its sockets, and those of a few others. */
const SPARE = 300;

/** As many watchers as are wanted, or as a process may have sockets; says so where these are fewer. */
export function watchersWithin(round: Pick<Round, 'say'>, row: string, wanted: number): number {
  const watchers = Math.min(wanted, openFilesLimit() - SPARE);
  if (watchers < wanted) round.say(`${row}: only ${watchers} watchers instead of ${wanted} (raise ulimit -n)`);
  return watchers;
}
