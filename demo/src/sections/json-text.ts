import { findNodeAtLocation, parse, parseTree, printParseErrorCode, type Node, type ParseError } from 'jsonc-parser';
import type { JsonValue } from '@campaign-state/client';

/** What is wrong with a text, and in which line, counted from 1; no line where the whole text is meant. */
export interface TextFault {
  readonly message: string;
  readonly line: number | undefined;
}

export type ReadText = { ok: true; value: JsonValue } | { ok: false; fault: TextFault };

const STRICT = { allowTrailingComma: false, disallowComments: true };

/** A JSON text as it is read by people. */
export function write(value: JsonValue): string {
  return JSON.stringify(value, undefined, 2);
}

/** The value of a JSON text, or its first fault with its line. */
export function read(text: string): ReadText {
  const [first] = faultsIn(text);
  if (first) return { ok: false, fault: { message: first.message, line: lineOf(text, first.from) } };
  const value: JsonValue = JSON.parse(text);
  return { ok: true, value };
}

/** What a text comes to that is being typed: as much of it as is there. */
export function readSoFar(text: string): JsonValue | undefined {
  // What it makes of a text is JSON, or nothing.
  const value: JsonValue | undefined = parse(text, [], STRICT);
  return value;
}

/** A fault of a text between two offsets. */
export interface PlacedFault {
  readonly from: number;
  readonly to: number;
  readonly message: string;
}

/** All faults of a text that is to be JSON. */
export function faultsIn(text: string): PlacedFault[] {
  const errors: ParseError[] = [];
  parse(text, errors, STRICT);
  return errors.map((error) => {
    const from = startOf(text, error.offset);
    return { from, to: Math.max(from, Math.min(text.length, error.offset + error.length)), message: sayError(error) };
  });
}

/** What the parser's codes mean, for somebody who writes JSON by hand. */
const ERRORS: Readonly<Record<string, string>> = {
  InvalidSymbol: 'This is no JSON value; texts and names stand in double quotes.',
  InvalidNumberFormat: 'This number is not written as JSON has it.',
  PropertyNameExpected: 'A name in double quotes is expected here.',
  ValueExpected: 'A value is expected here.',
  ColonExpected: 'A colon is expected here.',
  CommaExpected: 'A comma is expected here.',
  CloseBraceExpected: 'A closing brace is missing.',
  CloseBracketExpected: 'A closing bracket is missing.',
  EndOfFileExpected: 'The value has ended before this.',
  InvalidCommentToken: 'JSON has no comments.',
  UnexpectedEndOfString: 'A text is not closed by a double quote.',
  InvalidUnicode: 'This is no Unicode escape: \\u and four hexadecimal digits.',
  InvalidEscapeCharacter: 'This is no escape of JSON.',
  InvalidCharacter: 'This character is not allowed here.',
};

function sayError({ error }: ParseError): string {
  return ERRORS[printParseErrorCode(error)] ?? 'This is no JSON.';
}

/** The end of what is written, where a fault is that something is missing behind it. */
function startOf(text: string, offset: number): number {
  return Math.min(offset, text.trimEnd().length);
}

/**
 * The line, counted from 1, of the member at that path in a well-formed text; of the closest one around it, where it is
 * not there.
 */
export function lineAt(text: string, path: readonly (string | number)[]): number {
  const root = parseTree(text);
  for (let length = path.length; root && length > 0; length -= 1) {
    const node = findNodeAtLocation(root, path.slice(0, length));
    if (node) return lineOf(text, memberOf(node).offset);
  }
  return 1;
}

/** A value with its name, where it has one. */
function memberOf(node: Node): Node {
  return node.parent?.type === 'property' ? node.parent : node;
}

function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}
