import type { SeededRandom } from '../support/seeded-random.ts';

/** Keys and texts on which parsers, prototypes, logs and databases have been known to trip. */
const ODD_TEXTS = [
  '',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  '\u0000',
  '\ud800',
  '\udfff\ud800',
  '\u2028',
  '../../etc/passwd',
  '%00',
  '%',
  '${7*7}',
  '<script>alert(1)</script>',
  "'; drop table campaigns; --",
  '\r\nSet-Cookie: a=b',
  'null',
  'NaN',
  '1e400',
  '🙂'.repeat(50),
  'a'.repeat(129),
  'a'.repeat(70_000),
];

/** Numbers as text, because JSON writes some that JavaScript cannot hold. */
const ODD_NUMBERS = [
  '0',
  '-0',
  '1e400',
  '-1e400',
  '9007199254740993',
  '1e-400',
  '0.1',
  '123456789012345678901234567890',
  '-1',
];

const FIELDS = ['slug', 'title', 'status', 'features', 'tags', 'ui_content', 'scripts', 'theme', 'views', 'start_date'];

export function oddText(random: SeededRandom): string {
  if (random.chance(0.6)) return random.pick(ODD_TEXTS);
  return Array.from({ length: random.int(0, 40) }, () => String.fromCharCode(random.int(0, 0xffff))).join('');
}

/**
 * The text of a JSON value that is well-formed most of the time: deep, wide, with odd keys and numbers, members that
 * come twice, and now and then cut or garbled.
 */
export function jsonText(random: SeededRandom, depth = 0): string {
  const text = value(random, depth);
  if (depth > 0 || random.chance(0.9)) return text;
  const at = random.int(0, text.length);
  return random.chance(0.5) ? text.slice(0, at) : `${text.slice(0, at)}${oddText(random)}${text.slice(at)}`;
}

function value(random: SeededRandom, depth: number): string {
  const kind = random.int(0, depth > 5 ? 4 : 8);
  switch (kind) {
    case 0:
      return random.pick(['null', 'true', 'false']);
    case 1:
      return random.pick(ODD_NUMBERS);
    case 2:
    case 3:
    case 4:
      return JSON.stringify(oddText(random));
    case 5:
      return `[${Array.from({ length: random.int(0, 6) }, () => value(random, depth + 1)).join(',')}]`;
    case 6:
      return nested(random);
    default:
      return object(random, depth);
  }
}

function object(random: SeededRandom, depth: number): string {
  const members = Array.from({ length: random.int(0, 8) }, () => {
    const key = random.chance(0.6) ? random.pick(FIELDS) : oddText(random);
    return `${JSON.stringify(key)}:${value(random, depth + 1)}`;
  });
  return `{${members.join(',')}}`;
}

function nested(random: SeededRandom): string {
  const depth = random.pick([10, 33, 500, 20_000]);
  return random.chance(0.5)
    ? `${'['.repeat(depth)}${']'.repeat(depth)}`
    : `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
}

/** Bytes without any meaning. */
export function noise(random: SeededRandom, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random.int(0, 255)));
}
