import type { Position } from '../stream/position.ts';
import type { Paint } from './analytics-store.ts';

/** How many pages have a version on the screen. */
export interface Reach {
  readonly position: Position;
  /** Live streams of the campaign now. */
  readonly connected: number;
  /** Pages that have painted it, about: each report stands for as many as its sample says. */
  readonly painted: number;
  /** Reports that this rests on. */
  readonly reports: number;
  /** Milliseconds from the change to the paint; absent without reports. */
  readonly p50?: number;
  readonly p99?: number;
}

export function reachOf(position: Position, connected: number, paints: readonly Paint[]): Reach {
  const sorted = paints.toSorted((a, b) => a.delayMs - b.delayMs);
  const painted = sorted.reduce((sum, { share }) => sum + 1 / share, 0);
  const about = { position, connected, painted: Math.round(painted), reports: paints.length };
  if (sorted.length === 0) return about;
  const quantile = (share: number): number => {
    let seen = 0;
    const found = sorted.find((paint) => (seen += 1 / paint.share) >= painted * share - 1e-9);
    return (found ?? sorted.at(-1))?.delayMs ?? 0;
  };
  return { ...about, p50: quantile(0.5), p99: quantile(0.99) };
}
