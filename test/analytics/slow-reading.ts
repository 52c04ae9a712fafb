import type { MetricSum, PhaseKey, TimelineCount, UnitCount } from '../../server/core/analytics/analytics-store.ts';
import type { EventRows, ExposureRow, GoalRow } from '../../server/core/analytics/unit-rows.ts';
import type { Metric } from '../../server/core/document/targeting-fields.ts';

/*
 * The second, slow writing of what is counted. It has all events in hand, each once, and says in the plainest way what
 * the words mean: sort by time, look at each unit.
 */

interface Unit {
  readonly first: ExposureRow;
  readonly arms: ReadonlySet<string>;
}

function unitsOf({ exposures }: EventRows, verified: boolean, phase?: PhaseKey): Map<string, Unit> {
  const units = new Map<string, Unit>();
  const relevant = exposures.filter(
    (row) => row.verified === verified && (!phase || (row.rule === phase.rule && row.phase === phase.phase)),
  );
  const sorted = relevant.toSorted((a, b) => {
    const [x, y] = [a, b].map((row) => [row.at, row.arm, row.version, row.epoch] as const);
    for (let index = 0; index < 4; index += 1) {
      const [left, right] = [x?.[index] ?? 0, y?.[index] ?? 0];
      if (left !== right) return left < right ? -1 : 1;
    }
    return 0;
  });
  for (const row of sorted) {
    const key = phase ? row.unit : `${row.rule} ${row.phase} ${row.unit}`;
    const before = units.get(key);
    units.set(key, { first: before?.first ?? row, arms: new Set([...(before?.arms ?? []), row.arm]) });
  }
  return units;
}

export function countsBySlowReading(events: EventRows, phase: PhaseKey): UnitCount[] {
  const counts = new Map<string, UnitCount>();
  for (const verified of [true, false]) {
    for (const { first, arms } of unitsOf(events, verified, phase).values()) {
      const { arm, split } = first;
      const key = JSON.stringify([arm, split, verified]);
      const before = counts.get(key) ?? { arm, split, verified, units: 0, multiple: 0 };
      counts.set(key, {
        ...before,
        units: before.units + 1,
        multiple: before.multiple + (arms.size > 1 ? 1 : 0),
      });
    }
  }
  return [...counts.values()];
}

export function sumsBySlowReading(
  events: EventRows,
  phase: PhaseKey,
  { goal, type, cap }: Pick<Metric, 'goal' | 'type' | 'cap'>,
): MetricSum[] {
  const values = new Map<string, bigint[]>();
  for (const [unit, { first }] of unitsOf(events, true, phase)) {
    const goals = events.goals.filter((row) => row.unit === unit && row.goal === goal && row.at >= first.at);
    if (goals.length === 0) continue;
    let value = 1n;
    if (type === 'count') value = BigInt(Math.min(goals.length, cap ?? Number.POSITIVE_INFINITY));
    if (type === 'sum') {
      const sum = goals.map((row) => row.value).reduce((a, b) => a + b, 0);
      value = BigInt(Math.min(sum, cap === undefined ? sum : cap * 1_000_000));
    }
    values.set(first.arm, [...(values.get(first.arm) ?? []), value]);
  }
  return [...values].map(([arm, list]) => ({
    arm,
    converted: list.length,
    sum: String(list.reduce((a, b) => a + b, 0n)),
    sumOfSquares: String(list.reduce((a, b) => a + b * b, 0n)),
  }));
}

export function timelineBySlowReading(events: EventRows, from: number, to: number): TimelineCount[] {
  const goals = events.goals.map((row: GoalRow) => ({ ...row, kind: 'goal' as const, name: row.goal }));
  const shown = [...unitsOf(events, true).values()].map(({ first }) => ({
    ...first,
    kind: 'exposure' as const,
    name: first.rule,
  }));
  const counts = new Map<string, TimelineCount>();
  for (const { at, epoch, version, kind, name } of [...shown, ...goals]) {
    if (at < from || at >= to) continue;
    const minute = Math.floor(at / 60_000) * 60_000;
    const key = [minute, String(version).padStart(9, '0'), epoch, kind, name].join(' ');
    counts.set(key, { minute, epoch, version, kind, name, count: (counts.get(key)?.count ?? 0) + 1 });
  }
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
}
