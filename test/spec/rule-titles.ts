import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** A test as its source names it: the rule that it proves, and in which file. */
export interface RuleTitle {
  readonly rule: string;
  readonly title: string;
  /** From `test/`. */
  readonly file: string;
}

const TESTS = join(import.meta.dirname, '..');

/** A string literal that begins with one or more rule numbers: `'M12 each of a group …'`, `'M21 G3 …'`. */
const TITLE = /(['"`])((?:[A-Z]\d+ )+)((?:(?!\1)[^\\\n]|\\.)*)\1/g;

/**
 * The titles of all tests, read from their source, so that suites which run several times, or not on this machine, are
 * found like any other.
 */
export function ruleTitles(): RuleTitle[] {
  const found: RuleTitle[] = [];
  for (const entry of readdirSync(TESTS, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!/\.tsx?$/.test(entry.name) || /[/\\](node_modules|golden|results|spec)[/\\]/.test(path)) continue;
    for (const [, , numbers = '', title = ''] of readFileSync(path, 'utf8').matchAll(TITLE)) {
      for (const rule of numbers.trim().split(' ')) {
        found.push({ rule, title: title.replaceAll(/\\(.)/g, '$1'), file: relative(TESTS, path) });
      }
    }
  }
  return found;
}

/** By letter, then by number: G1, G2, G10, M1. */
export function byRule(a: string, b: string): number {
  return a.charCodeAt(0) - b.charCodeAt(0) || Number(a.slice(1)) - Number(b.slice(1));
}
