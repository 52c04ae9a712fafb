import { MILLIONTHS } from '../core/analytics/analytics-event.ts';
import type {
  AnalyticsStore,
  MetricSum,
  PhaseKey,
  TimelineCount,
  UnitCount,
  ViewerCount,
} from '../core/analytics/analytics-store.ts';
import {
  exposureKey,
  joinExposures,
  type ExposureRow,
  type GoalRow,
  type PaintRow,
} from '../core/analytics/unit-rows.ts';
import { dropHeldPlaces, type MemoryHeldPlaces } from './memory-held-places.ts';
import type { Metric } from '../core/document/targeting-fields.ts';

/** The analytics of a store in memory. */
export interface MemoryAnalytics {
  readonly exposures: Map<string, ExposureRow>;
  readonly goals: Map<string, GoalRow>;
  readonly paints: Map<string, PaintRow>;
  readonly viewers: Map<string, ViewerCount>;
  readonly minutes: Map<string, TimelineCount & { readonly campaignId: string }>;
  readonly phases: Map<string, PhaseKey & { readonly endedAt: number | undefined }>;
  readonly salts: Map<string, string>;
}

export function emptyAnalytics(): MemoryAnalytics {
  return {
    exposures: new Map(),
    goals: new Map(),
    paints: new Map(),
    viewers: new Map(),
    minutes: new Map(),
    phases: new Map(),
    salts: new Map(),
  };
}

/** Removes all that is known of a campaign. */
export function dropAnalytics({ salts, ...rows }: MemoryAnalytics, campaignId: string): void {
  salts.delete(campaignId);
  for (const table of Object.values(rows))
    for (const [key, row] of table) if (row.campaignId === campaignId) table.delete(key);
}

const MINUTE_MS = 60_000;

/**
 * @param call runs a call within one turn
 * @param isDeleted whether a campaign was deleted and is not there again: nothing is recorded of it
 */
export function createMemoryAnalytics(
  store: MemoryAnalytics,
  heldPlaces: MemoryHeldPlaces,
  call: <T>(answer: () => T) => Promise<T>,
  isDeleted: (campaignId: string) => boolean,
): AnalyticsStore {
  const ofPhase = ({ campaignId, rule, phase }: PhaseKey): ExposureRow[] =>
    [...store.exposures.values()].filter(
      (row) => row.campaignId === campaignId && row.rule === rule && row.phase === phase,
    );

  const goalsByUnit = (campaignId: string, goal: string): Map<string, GoalRow[]> => {
    const goals = new Map<string, GoalRow[]>();
    for (const row of store.goals.values())
      if (row.campaignId === campaignId && row.goal === goal)
        goals.set(row.unit, [...(goals.get(row.unit) ?? []), row]);
    return goals;
  };

  const addMinute = (added: TimelineCount & { campaignId: string }): void => {
    const { campaignId, minute, epoch, version, kind, name } = added;
    if (added.count === 0) return;
    const key = JSON.stringify([campaignId, minute, epoch, version, kind, name]);
    const count = (store.minutes.get(key)?.count ?? 0) + added.count;
    store.minutes.set(key, { ...added, count });
  };

  return {
    recordEvents: ({ exposures, goals, paints }) =>
      call(() => {
        for (const row of exposures) {
          if (isDeleted(row.campaignId)) continue;
          const key = exposureKey(row);
          const stored = store.exposures.get(key);
          store.exposures.set(key, stored ? joinExposures(stored, row) : { ...row });
        }
        for (const row of goals)
          if (!isDeleted(row.campaignId)) keepFirst(store.goals, [row.campaignId, row.goal, row.unit, row.id], row);
        for (const row of paints)
          if (!isDeleted(row.campaignId))
            keepFirst(store.paints, [row.campaignId, row.epoch, row.version, row.page], row);
      }),

    countUnits: (phase) =>
      call(() => {
        const counts = new Map<string, UnitCount>();
        for (const { arm, verified, split, multiple } of ofPhase(phase)) {
          const key = JSON.stringify([arm, verified, split]);
          const { units = 0, multiple: before = 0 } = counts.get(key) ?? {};
          counts.set(key, { arm, verified, split, units: units + 1, multiple: before + Number(multiple) });
        }
        return [...counts.values()];
      }),

    sumMetric: (phase, metric) =>
      call(() => {
        const goals = goalsByUnit(phase.campaignId, metric.goal);
        const sums = new Map<string, { converted: number; sum: bigint; sumOfSquares: bigint }>();
        for (const { arm, unit, at, verified } of ofPhase(phase)) {
          const counted = verified ? (goals.get(unit) ?? []).filter((goal) => goal.at >= at) : [];
          if (counted.length === 0) continue;
          const value = valueOf(metric, counted);
          const { converted, sum, sumOfSquares } = sums.get(arm) ?? { converted: 0, sum: 0n, sumOfSquares: 0n };
          sums.set(arm, { converted: converted + 1, sum: sum + value, sumOfSquares: sumOfSquares + value * value });
        }
        return [...sums].map(([arm, { converted, sum, sumOfSquares }]): MetricSum => {
          return { arm, converted, sum: String(sum), sumOfSquares: String(sumOfSquares) };
        });
      }),

    readSpan: (phase) =>
      call(() => {
        const times = ofPhase(phase).flatMap(({ verified, at }) => (verified ? [at] : []));
        return times.length === 0 ? undefined : { first: least(times), last: -least(times.map((at) => -at)) };
      }),

    readProgress: (phase, metric, everyMs) =>
      call(() => {
        const goals = goalsByUnit(phase.campaignId, metric.goal);
        const steps = new Map<
          string,
          { from: number; arm: string; units: number; converted: number; sum: bigint; sumOfSquares: bigint }
        >();
        const stepAt = (arm: string, at: number) => {
          const from = at - (at % everyMs);
          const key = JSON.stringify([from, arm]);
          const step = steps.get(key) ?? { from, arm, units: 0, converted: 0, sum: 0n, sumOfSquares: 0n };
          steps.set(key, step);
          return step;
        };
        for (const { arm, unit, at, verified } of ofPhase(phase)) {
          if (!verified) continue;
          stepAt(arm, at).units += 1;
          const counted = (goals.get(unit) ?? []).filter((goal) => goal.at >= at).sort((a, b) => a.at - b.at);
          for (const [index, goal] of counted.entries()) {
            const step = stepAt(arm, goal.at);
            const before = index === 0 ? 0n : valueOf(metric, counted.slice(0, index));
            const value = valueOf(metric, counted.slice(0, index + 1));
            if (index === 0) step.converted += 1;
            step.sum += value - before;
            step.sumOfSquares += value * value - before * before;
          }
        }
        return [...steps.values()]
          .sort((a, b) => a.from - b.from || (a.arm < b.arm ? -1 : 1))
          .map((step) => ({ ...step, sum: String(step.sum), sumOfSquares: String(step.sumOfSquares) }));
      }),

    readTimeline: (campaignId, from, to) =>
      call(() => {
        const within = (at: number): boolean => at >= from && at < to;
        const counts = new Map<string, TimelineCount>();
        const add = (added: TimelineCount): void => {
          const { minute, epoch, version, kind, name } = added;
          const key = JSON.stringify([minute, epoch, version, kind, name]);
          counts.set(key, { ...added, count: (counts.get(key)?.count ?? 0) + added.count });
        };
        for (const { at, epoch, version, rule, ...row } of store.exposures.values())
          if (row.campaignId === campaignId && row.verified && within(at))
            add({ minute: minuteOf(at), epoch, version, kind: 'exposure', name: rule, count: 1 });
        for (const { at, epoch, version, goal } of distinctGoals(store.goals.values()))
          if (within(at)) add({ minute: minuteOf(at), epoch, version, kind: 'goal', name: goal, count: 1 });
        for (const { minute, epoch, version, viewers, ...row } of store.viewers.values())
          if (row.campaignId === campaignId && within(minute))
            add({ minute, epoch, version, kind: 'viewers', name: '', count: viewers });
        for (const { campaignId: id, ...row } of store.minutes.values())
          if (id === campaignId && within(row.minute)) add(row);
        return [...counts.values()].sort(inTime);

        function distinctGoals(rows: Iterable<GoalRow>): GoalRow[] {
          const distinct = new Map<string, GoalRow>();
          for (const row of rows) if (row.campaignId === campaignId) distinct.set(`${row.goal} ${row.id}`, row);
          return [...distinct.values()];
        }
      }),

    recordViewers: (counts) =>
      call(() => {
        for (const row of counts) keepFirst(store.viewers, [row.campaignId, row.minute, row.instance], row);
      }),

    readPaints: (campaignId, epoch, version) =>
      call(() =>
        [...store.paints.values()]
          .filter((row) => row.campaignId === campaignId && row.epoch === epoch && row.version === version)
          .sort((a, b) => (a.page < b.page ? -1 : 1))
          .map(({ delayMs, share }) => ({ delayMs, share })),
      ),

    campaignSalt: (campaignId, proposed) =>
      call(() => {
        const salt = store.salts.get(campaignId) ?? proposed;
        store.salts.set(campaignId, salt);
        return salt;
      }),

    forgetUnits: (campaignId, units) =>
      call(() => {
        const forgotten = new Set(units);
        const isForgotten = (row: { campaignId: string; unit: string }): boolean =>
          row.campaignId === campaignId && forgotten.has(row.unit);
        remove(store.exposures, isForgotten);
        remove(store.goals, isForgotten);
        dropHeldPlaces(heldPlaces, campaignId, forgotten);
      }),

    forgetCampaign: (campaignId) =>
      call(() => {
        const isOfCampaign = (row: { campaignId: string }): boolean => row.campaignId === campaignId;
        remove(store.exposures, isOfCampaign);
        remove(store.goals, isOfCampaign);
        remove(store.paints, isOfCampaign);
        remove(store.phases, isOfCampaign);
        store.salts.delete(campaignId);
        dropHeldPlaces(heldPlaces, campaignId);
      }),

    listPhases: () =>
      call(() => {
        const phases = new Map<string, PhaseKey & { endedAt: number | undefined }>();
        for (const { campaignId, rule, phase } of store.exposures.values()) {
          const key = phaseKey({ campaignId, rule, phase });
          phases.set(key, { campaignId, rule, phase, endedAt: store.phases.get(key)?.endedAt });
        }
        return [...phases.values()].sort((a, b) =>
          a.campaignId !== b.campaignId
            ? a.campaignId < b.campaignId
              ? -1
              : 1
            : a.rule !== b.rule
              ? a.rule < b.rule
                ? -1
                : 1
              : a.phase - b.phase,
        );
      }),

    markPhases: (phases) =>
      call(() => {
        for (const phase of phases) store.phases.set(phaseKey(phase), { ...phase });
      }),

    sweepAnalytics: ({ unitsBefore, minutesBefore, paintsBefore }) =>
      call(() => {
        let removed = 0;
        for (const [key, row] of store.exposures) {
          const { campaignId, at, epoch, version, rule: name } = row;
          if ((store.phases.get(phaseKey(row))?.endedAt ?? Number.POSITIVE_INFINITY) >= unitsBefore) continue;
          store.exposures.delete(key);
          removed += 1;
          const count = Number(row.verified);
          addMinute({ campaignId, minute: minuteOf(at), epoch, version, kind: 'exposure', name, count });
        }
        const shown = new Set([...store.exposures.values()].map((row) => `${row.campaignId} ${row.unit}`));
        const folded = new Set<string>();
        for (const [key, { campaignId, unit, at, epoch, version, goal, id }] of store.goals) {
          if (at >= unitsBefore || shown.has(`${campaignId} ${unit}`)) continue;
          store.goals.delete(key);
          removed += 1;
          const event = JSON.stringify([campaignId, goal, id]);
          const count = Number(!folded.has(event));
          folded.add(event);
          addMinute({ campaignId, minute: minuteOf(at), epoch, version, kind: 'goal', name: goal, count });
        }
        remove(store.minutes, ({ minute }) => minute < minutesBefore);
        remove(store.viewers, ({ minute }) => minute < minutesBefore);
        remove(store.paints, ({ at }) => at < paintsBefore);
        return removed;
      }),
  };
}

/** The value of a unit, in whole numbers, as SQL has it. */
function valueOf({ type, cap }: Pick<Metric, 'type' | 'cap'>, goals: readonly GoalRow[]): bigint {
  if (type === 'conversion') return 1n;
  const total = type === 'sum' ? goals.reduce((sum, { value }) => sum + BigInt(value), 0n) : BigInt(goals.length);
  if (cap === undefined) return total;
  const most = BigInt(Math.round(cap * (type === 'sum' ? MILLIONTHS : 1)));
  return total < most ? total : most;
}

function least(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => (b < a ? b : a), Number.POSITIVE_INFINITY);
}

function minuteOf(at: number): number {
  return at - (at % MINUTE_MS);
}

function phaseKey({ campaignId, rule, phase }: PhaseKey): string {
  return JSON.stringify([campaignId, rule, phase]);
}

function keepFirst<T>(rows: Map<string, T>, parts: readonly unknown[], row: T): void {
  const key = JSON.stringify(parts);
  if (!rows.has(key)) rows.set(key, row);
}

function remove<T>(rows: Map<string, T>, isOver: (row: T) => boolean): void {
  for (const [key, row] of rows) if (isOver(row)) rows.delete(key);
}

function inTime(a: TimelineCount, b: TimelineCount): number {
  if (a.minute !== b.minute) return a.minute - b.minute;
  if (a.version !== b.version) return a.version - b.version;
  const [left, right] = [a, b].map(({ epoch, kind, name }) => `${epoch} ${kind} ${name}`);
  return (left ?? '') < (right ?? '') ? -1 : 1;
}
