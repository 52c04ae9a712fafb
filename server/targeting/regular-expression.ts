import { LRUCache } from 'lru-cache';
import { RE2JS, RE2Set } from 're2js';
import { TARGETING_LIMITS } from '../core/document/targeting-fields.ts';

/**
 * Regular expressions of conditions. They come from editors and are met with what viewers say of themselves, so that
 * they are matched in linear time, by RE2, and their size is bounded. JavaScript's own engine tries every way through
 * an expression: nine characters took it fifteen seconds on a text of 28.
 *
 * Rejected: to prove expressions harmless and leave them to JavaScript. Every such proof is a search of its own, and
 * one gap in it stalls everybody.
 */
export interface RegularExpression {
  /** Size as compiled, in instructions. */
  readonly size: number;
  test(text: string): boolean;
}

/** Bytes that the automaton of one expression may take before it is matched without it, more slowly. */
const AUTOMATON_BYTES = 64 * 1024;
/** Compiled expressions that are kept, over all campaigns. */
const CACHED_EXPRESSIONS = 500;

const cache = new LRUCache<string, RegularExpression>({ max: CACHED_EXPRESSIONS });

/**
 * What stands for the same in JavaScript and in RE2. Other escapes, such as `\z`, `\1` or `\p{L}`, mean something else
 * there, or nothing.
 */
const ESCAPES = new Set('dDwWsSbBnrtfv');

/**
 * Why an expression is not taken, as words behind the name of its place; `undefined` where it is. Taken is what both
 * JavaScript, whose meaning GrowthBook's conditions have, and RE2 read, and read alike.
 */
export function faultOfExpression(source: unknown): string | undefined {
  if (typeof source !== 'string') return 'must be text';
  const { expressionLength } = TARGETING_LIMITS;
  if (source.length > expressionLength) return `must have at most ${expressionLength} characters`;
  const stranger = foreignPart(source);
  if (stranger !== undefined) return `${stranger} is not supported in regular expressions`;
  try {
    // Compiled, never run.
    void new RegExp(source);
    void RE2JS.compile(source);
    return undefined;
  } catch {
    return 'must be a regular expression without look-around and back-references';
  }
}

/** The first part that the two languages read differently. */
function foreignPart(source: string): string | undefined {
  for (let at = 0; at < source.length; at += 1) {
    if (source[at] === '[' && source[at + 1] === '[') return '[[';
    if (source.startsWith('(?', at) && source[at + 2] !== ':' && source[at + 2] !== '<')
      return source.slice(at, at + 3);
    if (source[at] !== '\\') continue;
    const next = source[at + 1] ?? '';
    if (/[A-Za-z0-9]/.test(next) && !ESCAPES.has(next)) return `\\${next}`;
    at += 1;
  }
  return undefined;
}

/**
 * Compiles an expression that `faultOfExpression` has taken.
 *
 * @throws Error where it is none
 */
export function compileExpression(source: string, isCaseInsensitive: boolean): RegularExpression {
  const key = isCaseInsensitive ? `i${source}` : `-${source}`;
  const known = cache.get(key);
  if (known) return known;
  const pattern = isCaseInsensitive ? `(?i)${source}` : source;
  const set = new RE2Set(RE2Set.UNANCHORED, 0, AUTOMATON_BYTES);
  set.add(pattern);
  set.compile();
  const compiled: RegularExpression = {
    size: RE2JS.compile(pattern).programSize(),
    test: (text) => set.match(text).length > 0,
  };
  cache.set(key, compiled);
  return compiled;
}
