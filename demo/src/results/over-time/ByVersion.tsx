import { useMemo } from 'react';
import { versionIn, type TimelineRow } from '../results.ts';
import { sayCount } from '../say-figures.ts';

/** What was counted at each version, so that a change can be told by what it did. */
export function ByVersion({ rows }: { rows: readonly TimelineRow[] }) {
  const byVersion = useMemo(() => {
    const versions = new Map<number, Map<string, number>>();
    for (const { position, kind, name, count } of rows) {
      if (kind === 'viewers') continue;
      const version = versionIn(position);
      const own = versions.get(version) ?? new Map<string, number>();
      const what = kind === 'exposure' ? `seen by ${name}` : name;
      versions.set(version, own.set(what, (own.get(what) ?? 0) + count));
    }
    return [...versions].toSorted(([a], [b]) => b - a);
  }, [rows]);
  return (
    <details>
      <summary>By version, as a table</summary>
      <div className="scroll" tabIndex={0} role="region" aria-label="What was counted, by version">
        <table className="figures">
          <thead>
            <tr>
              <th scope="col">Version</th>
              <th scope="col">What</th>
              <th scope="col">How many</th>
            </tr>
          </thead>
          <tbody>
            {byVersion.flatMap(([version, own]) =>
              [...own].map(([what, count]) => (
                <tr key={`${version} ${what}`}>
                  <th scope="row">v{version}</th>
                  <td>{what}</td>
                  <td>{sayCount(count)}</td>
                </tr>
              )),
            )}
          </tbody>
        </table>
      </div>
    </details>
  );
}
