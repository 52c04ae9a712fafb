import type { CampaignClient } from '@campaign-state/client';

type Analytics = CampaignClient['trpc']['analytics'];

/** What one phase of a rule came to. */
export type RuleResults = Awaited<ReturnType<Analytics['results']['query']>>;
export type MetricResult = RuleResults['metrics'][string];
export type MetricOfArm = MetricResult['arms'][number];
/** A metric over time. */
export type Progress = Awaited<ReturnType<Analytics['progress']['query']>>;
/** What happened in one minute at one version. */
export type TimelineRow = Awaited<ReturnType<Analytics['timeline']['query']>>[number];

/** A version on the axis of time. */
export interface VersionMark {
  readonly version: number;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** Whether that arm is what others are compared with. */
export function isControl({ control }: Pick<RuleResults, 'control'>, { arm }: { readonly arm: string }): boolean {
  return arm === control;
}

/** Colours of arms, by the tokens that `plots.css` defines; the control is grey. */
const COLOURS = ['--arm-1', '--arm-2', '--arm-3', '--arm-4', '--arm-5'] as const;

/** The arms of a rule, in one order everywhere. */
export function armsOf(found: RuleResults | Progress): readonly string[] {
  const arms = 'points' in found ? (found.points.at(-1)?.arms ?? []) : found.arms;
  return arms.map(({ arm }) => arm);
}

/** The token of an arm's colour: the same in every chart and table of a rule. */
export function armColour(found: RuleResults | Progress, name: string): string {
  if (name === found.control) return '--ink-soft';
  const others = armsOf(found).filter((arm) => arm !== found.control);
  return COLOURS[Math.max(0, others.indexOf(name)) % COLOURS.length] ?? COLOURS[0];
}

/** The version that a position names. */
export function versionIn(position: string): number {
  return Number(position.slice(position.lastIndexOf(':') + 1));
}
