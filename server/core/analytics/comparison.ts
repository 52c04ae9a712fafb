import { studentQuantile } from './distributions.ts';

/** What is known of one metric in one arm. */
export interface Sample {
  readonly units: number;
  readonly mean: number;
  /** Variance of a unit's value. */
  readonly variance: number;
}

/** An estimate of an effect, with two intervals. */
export interface Estimate {
  readonly estimate: number;
  /** Valid at every look: an asymptotic confidence sequence. */
  readonly anytime: Interval;
  /** Valid at one look that was planned before: Welch's t. Narrower, and wrong for whoever looks again and again. */
  readonly fixed: Interval;
}

export type Interval = readonly [low: number, high: number];

/** The comparison of an arm with the control. */
export interface Comparison {
  /** Difference of the means. */
  readonly difference: Estimate;
  /** The same in relation to the control's mean; absent where that is not above 0. */
  readonly lift?: Estimate;
}

/** Units at which the confidence sequence is narrowest, about; as in GrowthBook. */
export const SEQUENCE_TUNING = 5_000;

/**
 * Compares two samples: the difference of their means, and the lift by the delta method.
 *
 * The confidence sequence is the asymptotic one of Waudby-Smith et al. (arXiv 2103.06476, equation 9), tuned by their
 * equation 161, as GrowthBook's gbstats has it: with a probability of `1 - alpha` the true effect lies in it at every
 * look there will ever be. The fixed interval is Welch's, with the degrees of freedom of the difference.
 *
 * @param alpha probability with which an interval may miss
 * @returns `undefined` where nothing can be said: fewer than two units, or no variance at all
 */
export function compare(
  control: Sample,
  arm: Sample,
  alpha: number,
  tuning: number = SEQUENCE_TUNING,
): Comparison | undefined {
  if (control.units < 2 || arm.units < 2) return undefined;
  const ofControl = control.variance / control.units;
  const ofArm = arm.variance / arm.units;
  const variance = ofControl + ofArm;
  if (!(variance > 0)) return undefined;
  const units = control.units + arm.units;
  const degrees = variance ** 2 / (ofArm ** 2 / (arm.units - 1) + ofControl ** 2 / (control.units - 1));
  const quantile = studentQuantile(1 - alpha / 2, degrees);
  const around = (estimate: number, error: number): Estimate => {
    const wide = anytimeHalfWidth(error, units, alpha, tuning);
    const narrow = quantile * error;
    return {
      estimate,
      anytime: [estimate - wide, estimate + wide],
      fixed: [estimate - narrow, estimate + narrow],
    };
  };
  const difference = around(arm.mean - control.mean, Math.sqrt(variance));
  if (!(control.mean > 0)) return { difference };
  const relative = ofArm / control.mean ** 2 + (ofControl * arm.mean ** 2) / control.mean ** 4;
  return { difference, lift: around((arm.mean - control.mean) / control.mean, Math.sqrt(relative)) };
}

/**
 * Half the width of the confidence sequence.
 *
 * @param error standard error of the estimate
 * @param units units of both arms
 */
export function anytimeHalfWidth(error: number, units: number, alpha: number, tuning: number): number {
  const rhoSquared = (-2 * Math.log(alpha) + Math.log(-2 * Math.log(alpha) + 1)) / tuning;
  const growth = units * rhoSquared + 1;
  return error * Math.sqrt((2 * growth * Math.log(Math.sqrt(growth) / alpha)) / (units * rhoSquared));
}
