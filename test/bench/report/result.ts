import type { Line, Mode, Peer, Target } from '../harness/row.ts';
import { median, spread } from './statistics.ts';

/** One figure, as `results/latest.json` keeps it. */
export interface Result {
  name: string;
  title: string;
  unit: string;
  /** Medians over the rounds. */
  ours: number;
  peers: Partial<Record<Peer, number>>;
  /** Ours by theirs: the median of the ratios within each round, which move less than the figures do. */
  ratio: Partial<Record<Peer, number>>;
  /** For people; empty where the figure only informs. */
  target: string;
  /** Whether the medians reach every target; `null` where there is none. */
  holds: boolean | null;
  /**
   * How far the middle half of the rounds lies apart, as a share of the median; `null` where one round is no spread.
   */
  spread: number | null;
  /** Targets about which this run says nothing: the spread is larger than the distance to the limit. */
  noise: string[];
  rounds: number;
  mode: Mode;
  measuredAt: string;
}

/** What was recorded of one line: for each system, one value a round. */
export type Samples = ReadonlyMap<Peer, readonly number[]>;

/** What the rounds come to; `undefined` where ours was not measured. */
export function toResult(line: Line, samples: Samples, mode: Mode, measuredAt: string): Result | undefined {
  const ours = samples.get('ours');
  if (!ours || ours.length === 0) return undefined;
  const others = [...samples].filter(([peer]) => peer !== 'ours');
  const ratios = new Map(
    others.map(([peer, values]) => [peer, ours.map((value, round) => value / (values[round] ?? Number.NaN))]),
  );
  const checks = line.targets.map((target) =>
    checkTarget(target, target.of === 'itself' ? ours : (ratios.get(target.of) ?? [])),
  );
  return {
    name: line.name,
    title: line.title,
    unit: line.unit,
    ours: round(median(ours)),
    peers: Object.fromEntries(others.map(([peer, values]) => [peer, round(median(values))])),
    ratio: Object.fromEntries([...ratios].map(([peer, values]) => [peer, round(median(values))])),
    target: line.targets.map((target) => describeTarget(target, line.unit)).join(', '),
    holds: checks.length === 0 ? null : checks.every(({ holds }) => holds),
    spread: ours.length > 1 ? round(spread(ours) / Math.abs(median(ours) || 1)) : null,
    noise: line.targets.filter((_, index) => checks[index]?.isNoise).map((target) => describeTarget(target, line.unit)),
    rounds: ours.length,
    mode,
    measuredAt,
  };
}

function checkTarget({ is, limit }: Target, values: readonly number[]): { holds: boolean; isNoise: boolean } {
  const value = median(values);
  return {
    holds: is === 'at most' ? value <= limit : value >= limit,
    isNoise: spread(values) > Math.abs(value - limit),
  };
}

function describeTarget({ of, is, limit }: Target, unit: string): string {
  const bound = `${is === 'at most' ? '≤' : '≥'} ${Number(limit.toPrecision(3)).toLocaleString('en')}`;
  return of === 'itself' ? `${bound} ${unit}` : `${bound} × ${of}`;
}

/** Four digits are more than any of this deserves. */
function round(value: number): number {
  return Number(value.toPrecision(4));
}
