/** Node raises its own limit to the hard one, so that only that one counts. */
export function openFilesLimit(): number {
  // The report's type says nothing of its contents.
  const report = process.report.getReport() as { userLimits?: { open_files?: { hard?: number | 'unlimited' } } };
  const hard = report.userLimits?.open_files?.hard;
  return typeof hard === 'number' ? hard : Number.POSITIVE_INFINITY;
}
