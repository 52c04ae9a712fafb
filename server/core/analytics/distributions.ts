/**
 * The distribution functions that intervals and checks need, by continued fractions (Lentz's method) and Lanczos'
 * approximation: relative errors below 1e-10 where they are used. By hand, because the packages that have them
 * (`jstat`, `simple-statistics`) are larger than all of the core, and the core has no dependencies.
 */

const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];
const MAX_STEPS = 10_000;
const PRECISION = 1e-15;
const TINY = 1e-300;

/** Natural logarithm of the gamma function, for x > 0. */
export function logGamma(x: number): number {
  const [first = 1, ...rest] = LANCZOS;
  const base = x + 6.5;
  const sum = rest.reduce((total, coefficient, index) => total + coefficient / (x + index), first);
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(base) - base + Math.log(sum);
}

/** Upper tail of the chi-square distribution: how probable a value of `x` or more is by chance. */
export function chiSquareTail(x: number, degrees: number): number {
  if (x <= 0) return 1;
  const [a, half] = [degrees / 2, x / 2];
  const scale = Math.exp(a * Math.log(half) - half - logGamma(a));
  return half < a + 1 ? 1 - scale * gammaSeries(a, half) : scale * gammaFraction(a, half);
}

function gammaSeries(a: number, x: number): number {
  let term = 1 / a;
  let sum = term;
  for (let step = 1; step < MAX_STEPS && Math.abs(term) > Math.abs(sum) * PRECISION; step += 1) {
    term *= x / (a + step);
    sum += term;
  }
  return sum;
}

function gammaFraction(a: number, x: number): number {
  let b = x + 1 - a;
  let c = 1 / TINY;
  let d = 1 / b;
  let fraction = d;
  for (let step = 1; step < MAX_STEPS; step += 1) {
    const numerator = -step * (step - a);
    b += 2;
    d = 1 / away(numerator * d + b);
    c = away(b + numerator / c);
    fraction *= c * d;
    if (Math.abs(c * d - 1) < PRECISION) break;
  }
  return fraction;
}

/** A denominator of Lentz's method, which must not be 0. */
function away(value: number): number {
  return Math.abs(value) < TINY ? TINY : value;
}

/** The value that Student's t exceeds with probability `1 - p`, for `p` of at least 0.5. */
export function studentQuantile(p: number, degrees: number): number {
  // Bisection over the tail: as robust as the tail itself, and an interval needs one.
  let [low, high] = [0, 1];
  while (studentTail(high, degrees) > 1 - p && high < 1e12) [low, high] = [high, high * 2];
  while (high - low > high * 1e-13) {
    const middle = (low + high) / 2;
    if (studentTail(middle, degrees) > 1 - p) low = middle;
    else high = middle;
  }
  return high;
}

/** Upper tail of Student's t for t ≥ 0. */
export function studentTail(t: number, degrees: number): number {
  return 0.5 * betaShare(degrees / 2, 0.5, degrees / (degrees + t * t));
}

/** Regularised incomplete beta function. */
function betaShare(a: number, b: number, x: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const scale = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  return x < (a + 1) / (a + b + 2) ? (scale * betaFraction(a, b, x)) / a : 1 - (scale * betaFraction(b, a, 1 - x)) / b;
}

function betaFraction(a: number, b: number, x: number): number {
  let c = 1;
  let d = 1 / away(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  for (let step = 1; step < MAX_STEPS; step += 1) {
    const even = (step * (b - step) * x) / ((a + 2 * step - 1) * (a + 2 * step));
    d = 1 / away(1 + even * d);
    c = away(1 + even / c);
    fraction *= c * d;
    const odd = (-(a + step) * (a + b + step) * x) / ((a + 2 * step) * (a + 2 * step + 1));
    d = 1 / away(1 + odd * d);
    c = away(1 + odd / c);
    fraction *= c * d;
    if (Math.abs(c * d - 1) < PRECISION) break;
  }
  return fraction;
}
