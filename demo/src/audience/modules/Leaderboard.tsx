import type { CSSProperties } from 'react';
import { amount } from './amount.ts';
import type { ModuleProps } from './module.ts';
import { list, number, record, text } from '../read.ts';

/** Who leads, by score. */
export function Leaderboard({ component }: ModuleProps) {
  const unit = text(component['unit']);
  const rows = list(component['entries'])
    .map(record)
    .map((row) => ({ name: text(row['name']), note: text(row['note']), score: number(row['score']) ?? 0 }))
    .filter((row) => row.name !== '')
    .toSorted((a, b) => b.score - a.score);
  const best = Math.max(1, rows[0]?.score ?? 0);
  return (
    <section className="module leaderboard">
      <h2 dir="auto">{text(component['title']) || 'Leaderboard'}</h2>
      {rows.length === 0 && <p>Nobody is on the board yet.</p>}
      <ol>
        {rows.map((row) => {
          const bar: CSSProperties & Record<'--share', number> = { '--share': Math.max(0, row.score) / best };
          return (
            <li key={row.name} style={bar}>
              <span className="leaderboard-name">
                {row.name}
                {row.note !== '' && <small>{row.note}</small>}
              </span>
              <b>{amount(row.score, unit)}</b>
            </li>
          );
        })}
      </ol>
    </section>
  );
}
