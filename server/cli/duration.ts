/** Milliseconds of each unit. */
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Examples of durations, for messages. */
export const DURATION_EXAMPLES = 'a duration such as 500ms, 30s, 10m, 12h or 7d';

/**
 * Parses a duration with a unit.
 *
 * @example
 *   parseDuration('10m'); // 600000
 *
 * @returns milliseconds; `undefined` where the text is not a duration
 */
export function parseDuration(text: string): number | undefined {
  const [, digits, unit] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? [];
  const factor = unit === undefined ? undefined : UNITS[unit];
  return digits === undefined || factor === undefined ? undefined : Number(digits) * factor;
}
