import type { Path, Refusal } from '../../errors.ts';
import { QUOTED_CHARACTERS } from '../../quote.ts';

/** An integer in JSON text that no JavaScript number holds exactly. */
export interface UnsafeInteger {
  /** Where it stands in the text's value. */
  readonly path: Path;
  /** Its digits, as they were sent, cut to {@link QUOTED_CHARACTERS}. */
  readonly literal: string;
}

/** Sixteen digits or more, in a place where a number can stand, and neither a fraction nor an exponent behind them. */
const SUSPECT = /(?:^|[:[,\s])-?\d{16,}(?![\d.eE])/;

const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/**
 * The first integer beyond ±(2^53 − 1) in JSON text. `JSON.parse` rounds such a number without a word, so that only the
 * text can tell: whoever sends one is to be told, instead of getting another number back. Fractions and exponents are
 * approximate by nature, and are let pass.
 *
 * Cheap enough for every frame: only text that matches one linear pattern is read token by token. Text that is no JSON
 * gives any answer; parsing it refuses it anyway.
 *
 * @example findUnsafeInteger('{"a":[1,9007199254740993]}') // { path: ['a', 1], literal: '9007199254740993' }
 */
export function findUnsafeInteger(text: string): UnsafeInteger | undefined {
  if (!SUSPECT.test(text)) return undefined;
  // For every level that is open the position in it: the text of the key, quotes included, or the index.
  const open: (string | number)[] = [];
  let lastString = '""';
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    const top = open.length - 1;
    if (character === '"') {
      const end = endOfString(text, index);
      lastString = text.slice(index, end + 1);
      index = end;
    } else if (character === ':') open[top] = lastString;
    else if (character === '{') open.push('""');
    else if (character === '[') open.push(0);
    else if (character === '}' || character === ']') open.pop();
    else if (character === ',') {
      const at = open[top];
      if (typeof at === 'number') open[top] = at + 1;
    } else {
      NUMBER.lastIndex = index;
      const literal = NUMBER.exec(text)?.[0];
      if (literal === undefined) continue;
      if (/^-?\d+$/.test(literal) && !Number.isSafeInteger(Number(literal)))
        return { path: open.map(stepOf), literal: literal.slice(0, QUOTED_CHARACTERS) };
      index += literal.length - 1;
    }
  }
  return undefined;
}

/** The refusal that names such an integer. */
export function unsafeIntegerRefusal({ path, literal }: UnsafeInteger): Refusal {
  const name = path.join('.') || 'input';
  const message = `${name}: ${literal} is beyond 2^53, and would be rounded; send it as text`;
  return { reason: 'INVALID', message, path };
}

/** The index of the quote that ends the string; that of the last character where none does. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end >= 0) {
    let backslash = end;
    while (text[backslash - 1] === '\\') backslash -= 1;
    if ((end - backslash) % 2 === 0) return end;
    end = text.indexOf('"', end + 1);
  }
  return text.length - 1;
}

function stepOf(step: string | number): string | number {
  if (typeof step === 'number') return step;
  try {
    return String(JSON.parse(step)).slice(0, QUOTED_CHARACTERS).toWellFormed();
  } catch {
    return step.slice(1, QUOTED_CHARACTERS);
  }
}
