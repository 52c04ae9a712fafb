import { chiSquareTail } from './distributions.ts';

/** The check whether the arms have the units that their shares say. */
export interface SampleRatio {
  readonly chiSquare: number;
  readonly degrees: number;
  /** How probable such numbers are if nothing is wrong. */
  readonly p: number;
  /** Below {@link SAMPLE_RATIO_P}: something loses or adds units of one arm, and no figure can be trusted. */
  readonly isBroken: boolean;
}

export const SAMPLE_RATIO_P = 0.001;
/** Units that each arm must be due before the check says anything. */
const MIN_EXPECTED = 8;

/**
 * Pearson's chi-square over the units of the arms.
 *
 * @param expected units that each arm is due, in the same order; those that are due none are left out
 * @returns `undefined` where there are fewer than two arms, or too few units
 */
export function checkSampleRatio(observed: readonly number[], expected: readonly number[]): SampleRatio | undefined {
  const pairs = observed.map((units, index) => [units, expected[index] ?? 0] as const).filter(([, due]) => due > 0);
  if (pairs.length < 2 || pairs.some(([, due]) => due < MIN_EXPECTED)) return undefined;
  const chiSquare = pairs.reduce((sum, [units, due]) => sum + (units - due) ** 2 / due, 0);
  const degrees = pairs.length - 1;
  const p = chiSquareTail(chiSquare, degrees);
  return { chiSquare, degrees, p, isBroken: p < SAMPLE_RATIO_P };
}
