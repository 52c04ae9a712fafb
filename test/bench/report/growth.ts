import { median } from './statistics.ts';

/** What is watched for growth, and how much more of it is no sign of any. */
export interface Watched {
  name: string;
  unit: string;
  /** Caches fill, collections come when they like: so much more between the thirds of a run means nothing. */
  slack: number;
}

/**
 * Whether something grows without bound: in each third of the run, after the first quarter, there is more of it than in
 * the third before, and in the end a tenth more than in the beginning, beyond the slack. What has a bound reaches it
 * and stays.
 */
export function growsWithoutBound(samples: readonly number[], { slack }: Pick<Watched, 'slack'>): boolean {
  const settled = samples.slice(Math.floor(samples.length / 4));
  const third = Math.floor(settled.length / 3);
  if (third === 0) return false;
  const [first, second, last] = [settled.slice(0, third), settled.slice(third, -third), settled.slice(-third)].map(
    median,
  );
  if (first === undefined || second === undefined || last === undefined) return false;
  return second > first && last > second && last - first > Math.max(slack, first * 0.1);
}
