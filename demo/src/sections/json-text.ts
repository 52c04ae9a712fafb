import type { Json } from './json.ts';

/** What is wrong with a text, and where. */
export interface TextFault {
  readonly message: string;
  /** Counted from 1; absent where the browser does not tell. */
  readonly line: number | undefined;
}

export type ReadText = { ok: true; value: Json } | { ok: false; fault: TextFault };

/** A JSON text as it is read by people. */
export function write(value: Json): string {
  return JSON.stringify(value, undefined, 2);
}

export function read(text: string): ReadText {
  try {
    const value: Json = JSON.parse(text);
    return { ok: true, value };
  } catch (error) {
    return { ok: false, fault: faultOf(error instanceof Error ? error.message : String(error), text) };
  }
}

/** Browsers put the place into the words, each in its way. */
function faultOf(words: string, text: string): TextFault {
  const line = /line (\d+)/.exec(words)?.[1];
  const position = /position (\d+)/.exec(words)?.[1];
  const message = words
    .replace(/^JSON\.parse: |^JSON Parse error: /, '')
    .replace(/ (in JSON )?at (position|line) .*$/, '');
  if (line !== undefined) return { message, line: Number(line) };
  if (position !== undefined) return { message, line: lineOf(text, Number(position)) };
  // Chrome names no place where the text just ends.
  return { message, line: /end of (JSON|data)/i.test(words) ? lineOf(text, text.trimEnd().length) : undefined };
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\]:,]|[^\s{}[\]:,"]+/g;

interface Frame {
  readonly kind: 'object' | 'array';
  step: string | number;
  /** Where the member whose value comes next begins. */
  memberAt: number;
  awaitsKey: boolean;
}

/**
 * The line, counted from 1, of the member at that path in a well-formed text; of the closest one around it, where it is
 * not there.
 */
export function lineAt(text: string, path: readonly (string | number)[]): number {
  const stack: Frame[] = [];
  let found = { depth: 0, offset: 0 };
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    const frame = stack.at(-1);
    if (token === ':') continue;
    if (token === '}' || token === ']') {
      stack.pop();
    } else if (token === ',') {
      if (typeof frame?.step === 'number') frame.step += 1;
      else if (frame) frame.awaitsKey = true;
    } else if (frame?.awaitsKey) {
      frame.step = String(JSON.parse(token));
      frame.memberAt = index;
      frame.awaitsKey = false;
    } else {
      const isOnPath =
        stack.length <= path.length && stack.every(({ step }, depth) => String(step) === String(path[depth]));
      if (isOnPath && stack.length > found.depth)
        found = { depth: stack.length, offset: frame?.kind === 'object' ? frame.memberAt : index };
      if (token === '{') stack.push({ kind: 'object', step: '', memberAt: index, awaitsKey: true });
      if (token === '[') stack.push({ kind: 'array', step: 0, memberAt: index, awaitsKey: false });
    }
  }
  return lineOf(text, found.offset);
}

function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

/** The offsets between which that line stands. */
export function rangeOfLine(text: string, line: number): [start: number, end: number] {
  const lines = text.split('\n');
  const start = lines.slice(0, line - 1).reduce((sum, before) => sum + before.length + 1, 0);
  return [start, start + (lines[line - 1]?.length ?? 0)];
}
