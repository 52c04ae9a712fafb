import { mergePatch } from '../document/merge-patch.ts';
import { isJsonObject, jsonEqual, type JsonObject, type JsonValue } from '../json.ts';
import { REDACTED_FINGERPRINT, type LogRecord } from './log-record.ts';

/** What was taken out of an entry, for good, and by whom. It stands in the entry, and in a signed statement. */
export interface Redaction {
  /** The place in the document whose value went, outermost first; missing where only the comment did. */
  readonly path?: readonly string[];
  /** The names of the members of that value stay, as it was merged into what stood there before. */
  readonly names?: true;
  /** The comment went. */
  readonly comment?: true;
  /** Epoch milliseconds. */
  readonly at: number;
  /** Id of the actor. */
  readonly by: string;
}

/** A redaction, with what proves the entry that is left. */
export interface ProvenRedaction {
  readonly version: number;
  /** The tail after the entry, as it was logged: it goes on proving what follows. */
  readonly tail: string;
  readonly redaction: Redaction;
  /** SHA-256 of the bytes that are left, in base64url. */
  readonly hash: string;
}

/** Redactions of one campaign, at most. */
export const REDACTIONS_OF_CAMPAIGN = 10_000;

/**
 * A record without what a redaction names. With the value goes whatever else would tell it, or let a guess be tried:
 * the
 * command, its fingerprint, and the salt, without which nobody can compute the tail from a guess.
 *
 * @returns `undefined` where there is nothing to redact
 */
export function redactRecord(record: LogRecord, redaction: Redaction): LogRecord | undefined {
  const { path, names = false, comment = false } = redaction;
  const { salt: _, comment: said, ...rest } = record;
  const change = path ? withoutValue(record.change, path, names) : record.change;
  if (change === undefined || (path === undefined && said === undefined)) return undefined;
  return {
    ...rest,
    ...(said !== undefined && !comment && { comment: said }),
    change,
    command: { type: record.type },
    fingerprint: REDACTED_FINGERPRINT,
    redacted: [...(record.redacted ?? []), redaction],
  };
}

/** Whether a record is without what a redaction names already, whoever took it out. */
export function isRedacted(
  { redacted = [] }: LogRecord,
  { path, comment }: Pick<Redaction, 'path' | 'comment'>,
): boolean {
  return redacted.some(
    (known) => jsonEqual([...(known.path ?? [])], [...(path ?? [])]) && (comment !== true || known.comment === true),
  );
}

/** Whether two say the same, of the same time, by the same person. */
export function isSameRedaction(a: Redaction, b: Redaction): boolean {
  const whole = ({ path, names, comment, at, by }: Redaction): JsonValue[] => [
    path ? [...path] : null,
    names === true,
    comment === true,
    at,
    by,
  ];
  return jsonEqual(whole(a), whole(b));
}

/** The value that a merge patch brings to a place; `undefined` where it does not, or removes what is there. */
export function valueIn(change: JsonValue | undefined, path: readonly string[]): JsonValue | undefined {
  let at: JsonValue | undefined = change;
  for (const name of path) at = isJsonObject(at) && Object.hasOwn(at, name) ? at[name] : undefined;
  return at ?? undefined;
}

/** What a merge patch makes of the value at a place, of which `undefined` says that there is none. */
export function patchAt(
  before: JsonValue | undefined,
  change: JsonValue,
  [name, ...inner]: readonly string[],
): JsonValue | undefined {
  if (name === undefined) {
    if (isJsonObject(change)) return mergePatch(isJsonObject(before) ? before : {}, change);
    return change ?? undefined;
  }
  // Something else stands around it now.
  if (!isJsonObject(change)) return undefined;
  const next = Object.hasOwn(change, name) ? change[name] : undefined;
  return next === undefined ? before : patchAt(before, next, inner);
}

/** A document with another value at a place; `undefined` removes it. What is around it has to be there. */
export function withValueAt(document: JsonObject, path: readonly string[], value: JsonValue | undefined): JsonObject {
  const [name, ...inner] = path;
  if (name === undefined) return document;
  const before = Object.hasOwn(document, name) ? document[name] : undefined;
  if (inner.length > 0)
    return isJsonObject(before) ? { ...document, [name]: withValueAt(before, inner, value) } : document;
  if (value !== undefined) return { ...document, [name]: value };
  const { [name]: _, ...rest } = document;
  return rest;
}

function withoutValue(change: JsonObject, path: readonly string[], names: boolean): JsonObject | undefined {
  const value = valueIn(change, path);
  if (value === undefined) return undefined;
  return withValueAt(change, path, names ? withoutLeaves(value) : null);
}

/** The patch that removes what a patch brings, member by member. */
function withoutLeaves(patch: JsonValue): JsonValue {
  if (!isJsonObject(patch)) return null;
  return Object.fromEntries(Object.entries(patch).map(([name, value]) => [name, withoutLeaves(value)]));
}
