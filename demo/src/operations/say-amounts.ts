const UNITS = ['B', 'KB', 'MB', 'GB', 'TB'] as const;

/** A number of bytes as people say it: 1.2 MB. */
export function saySize(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log(bytes) / Math.log(1_000)));
  const amount = bytes / 1_000 ** power;
  return `${amount < 10 && power > 0 ? amount.toFixed(1) : Math.round(amount)} ${UNITS[power] ?? 'B'}`;
}

const SPANS = [
  { ms: 86_400_000, one: 'day' },
  { ms: 3_600_000, one: 'hour' },
  { ms: 60_000, one: 'minute' },
  { ms: 1_000, one: 'second' },
] as const;

/** A length of time, by its largest unit: 3 hours; one of a unit by its name alone: day. */
export function saySpan(milliseconds: number): string {
  const span = SPANS.find(({ ms }) => milliseconds >= ms) ?? { ms: 1_000, one: 'second' };
  const count = Math.max(1, Math.round(milliseconds / span.ms));
  return count === 1 ? span.one : `${count} ${span.one}s`;
}

/** How many there are of something: 1 entry, 2 entries. */
export function sayCount(count: number, one: string, several: string): string {
  return `${count} ${count === 1 ? one : several}`;
}
