import { jsonEqual, type JsonValue } from '@campaign-state/client';
import { isObject } from '../../../sections/json.ts';
import type { ListShape, NumberShape, ObjectShape, Shape, TextShape } from './shape.ts';
import { urlFault } from './url-fault.ts';

/** What is wrong with a value, and where in it. */
export interface Fault {
  readonly path: readonly string[];
  /** Continues the name of the field, in the words of the server. */
  readonly words: string;
}

/** Characters from which on no pattern is tried: a pattern can take time that grows with their square. */
const MAX_PATTERN_CHARACTERS = 2_000;

/** The first thing that is wrong with a value of that shape; `undefined` where nothing is that a form knows of. */
export function faultOf(shape: Shape, value: JsonValue): Fault | undefined {
  switch (shape.kind) {
    case 'open':
    case 'json':
      return undefined;
    case 'text':
      return here(typeof value === 'string' ? textFault(shape, value) : 'must be text');
    case 'number':
      return here(typeof value === 'number' ? numberFault(shape, value) : 'must be a number');
    case 'switch':
      return here(typeof value === 'boolean' ? undefined : 'must be true or false');
    case 'choice':
      return here(shape.options.some((option) => jsonEqual(option, value)) ? undefined : oneOf(shape.options));
    case 'union':
      return unionFault(shape.options, value);
    case 'list':
      return Array.isArray(value) ? listFault(shape, value) : here('must be a list');
    case 'object':
      return isObject(value) ? objectFault(shape, value) : here('must be an object');
  }
}

function here(words: string | undefined): Fault | undefined {
  return words === undefined ? undefined : { path: [], words };
}

function under(key: string, fault: Fault | undefined): Fault | undefined {
  return fault && { ...fault, path: [key, ...fault.path] };
}

function oneOf(options: readonly JsonValue[]): string {
  return `must be ${options.length > 1 ? 'one of ' : ''}${options.map(String).join(', ')}`;
}

function textFault({ format, min = 0, max, patterns, excluded, ...link }: TextShape, text: string): string | undefined {
  if (text.length < min) return min === 1 ? 'must not be empty' : `must have at least ${count(min, 'character')}`;
  if (max !== undefined && text.length > max)
    return `must have at most ${count(max, 'character')}; it has ${text.length}`;
  if (excluded.includes(text)) return `must not be ${text}`;
  if (format === 'link' && (link.schemes || link.isRelative)) return urlFault(text, link.schemes, link.isRelative);
  if (format === 'link' && !URL.canParse(text)) return 'must be a URL, such as https://example.com/';
  if (format === 'email' && !/^\S+@\S+\.\S+$/.test(text)) return 'must be an email address';
  if (format === 'date' && !/^\d{4}-\d\d-\d\d$/.test(text)) return 'must be a date, such as 2026-05-01';
  if (format === 'date-time' && !/^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(text))
    return 'must be a date with a time, such as 2026-05-01T09:00:00Z';
  return patterns.every((pattern) => matches(pattern, text)) ? undefined : 'is not written as it has to be';
}

function matches(pattern: string, text: string): boolean {
  if (text.length > MAX_PATTERN_CHARACTERS) return true;
  try {
    return new RegExp(pattern, 'u').test(text);
  } catch {
    // No pattern of this language: the server decides.
    return true;
  }
}

function numberFault({ isWhole, min, max, above, below }: NumberShape, value: number): string | undefined {
  if (isWhole && !Number.isSafeInteger(value)) return 'must be a whole number';
  if (min !== undefined && value < min) return `must be at least ${min}`;
  if (max !== undefined && value > max) return `must be at most ${max}`;
  if (above !== undefined && value <= above) return `must be more than ${above}`;
  return below !== undefined && value >= below ? `must be less than ${below}` : undefined;
}

function unionFault(options: readonly Shape[], value: JsonValue): Fault | undefined {
  const faults = options.map((option) => faultOf(option, value));
  return faults.every((fault) => fault !== undefined) ? here('is nothing that it may be') : undefined;
}

function listFault({ item, min = 0, max }: ListShape, items: readonly JsonValue[]): Fault | undefined {
  if (items.length < min) return here(min === 1 ? 'must not be empty' : `must have at least ${count(min, 'item')}`);
  if (max !== undefined && items.length > max) return here(`must have at most ${count(max, 'item')}`);
  for (const [index, one] of items.entries()) {
    const fault = faultOf(item, one);
    if (fault) return under(String(index), fault);
  }
  return undefined;
}

function objectFault({ members, rest }: ObjectShape, value: Readonly<Record<string, JsonValue>>): Fault | undefined {
  for (const [name, { shape, isRequired }] of members) {
    const member = Object.hasOwn(value, name) ? value[name] : undefined;
    if (member === undefined && isRequired) return { path: [name], words: 'is required' };
    const fault = member === undefined ? undefined : faultOf(shape, member);
    if (fault) return under(name, fault);
  }
  for (const [name, member] of Object.entries(value)) {
    if (members.has(name)) continue;
    const fault = rest ? faultOf(rest, member) : { path: [], words: 'is not known here' };
    if (fault) return under(name, fault);
  }
  return undefined;
}

/** @example count(1, 'item') // '1 item' */
export function count(amount: number, unit: string): string {
  return `${amount} ${unit}${amount === 1 ? '' : 's'}`;
}
