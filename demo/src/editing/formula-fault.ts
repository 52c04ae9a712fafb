/** Numbers, names (`posts.shared`), and signs. */
const TOKEN = /\s*(?:(\d+(?:\.\d+)?|\.\d+)|([\p{L}_][\p{L}\p{N}_.]*)|(\S))/gu;

interface Token {
  readonly kind: 'number' | 'name' | 'sign';
  readonly text: string;
}

/** Brackets within brackets that are read; nobody means more. */
const MAX_DEPTH = 100;

/**
 * What is wrong with a ranking formula, in words; `undefined` where it can be calculated: names, numbers, signs,
 * brackets, and functions such as `max(a, b)`. The server takes any text: an app that ranks may know more signs.
 *
 * @example formulaFault('shipped * ') // 'After “*” a number or a name is missing.'
 */
export function formulaFault(formula: string): string | undefined {
  const tokens = tokensOf(formula);
  if (tokens.length === 0) return undefined;
  let at = 0;
  const sign = (): string | undefined => (tokens[at]?.kind === 'sign' ? tokens[at]?.text : undefined);

  function missing(): string {
    const before = tokens[at - 1]?.text;
    const found = tokens[at]?.text;
    const where = before === undefined ? 'At the beginning' : `After “${before}”`;
    return `${where} a number or a name is missing${found === undefined ? '.' : ` before “${found}”.`}`;
  }

  function value(depth: number): string | undefined {
    if (depth > MAX_DEPTH) return 'It has too many brackets within brackets.';
    while (sign() === '-' || sign() === '+') at += 1;
    const token = tokens[at];
    if (token?.kind === 'sign' && token.text === '(') {
      at += 1;
      return sum(depth + 1) ?? close();
    }
    if (!token || token.kind === 'sign') return missing();
    at += 1;
    if (token.kind !== 'name' || sign() !== '(') return undefined;
    at += 1;
    if (sign() === ')') return close();
    for (;;) {
      const fault = sum(depth + 1);
      if (fault !== undefined) return fault;
      if (sign() !== ',') return close();
      at += 1;
    }
  }

  function close(): string | undefined {
    if (sign() !== ')') return tokens[at] ? unexpected() : 'A closing bracket is missing.';
    at += 1;
    return undefined;
  }

  function unexpected(): string {
    return `“${tokens[at]?.text}” is not expected after “${tokens[at - 1]?.text}”.`;
  }

  function sum(depth: number): string | undefined {
    for (;;) {
      const fault = value(depth);
      if (fault !== undefined) return fault;
      if (!['+', '-', '*', '/', '%', '^'].includes(sign() ?? '')) return undefined;
      at += 1;
    }
  }

  return sum(0) ?? (at < tokens.length ? unexpected() : undefined);
}

function tokensOf(formula: string): readonly Token[] {
  return [...formula.matchAll(TOKEN)].map(([, number, name, sign = '']) =>
    number === undefined
      ? name === undefined
        ? { kind: 'sign', text: sign }
        : { kind: 'name', text: name }
      : { kind: 'number', text: number },
  );
}
