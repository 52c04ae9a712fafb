import type { z } from 'zod';
import { FIELD_SCHEMAS, REQUIRED_FIELDS } from './document-schema.ts';
import type { Path, Refusal } from '../errors.ts';
import { inWords } from './issue-words.ts';
import type { JsonObject, JsonValue } from '../json.ts';
import { LIMITS } from '../limits.ts';
import { jsonBytes } from './plain-json.ts';

/**
 * Narrower schemas for whole fields, given by who runs the server.
 *
 * @example defineSections({ ui_content: z.object({ banner: z.string().max(80) }) })
 */
export type Sections = Readonly<Record<string, z.ZodType>>;

/** Declares the sections that the server enforces; server and app import the same value. */
export function defineSections<const S extends Sections>(sections: S): S {
  return sections;
}

type Issue = z.core.$ZodIssue | { code: 'custom'; path: []; message: string };

export type Checked =
  /** `sizeBound`: the document takes at most so many bytes; to be handed in with the next change. */
  { ok: true; sizeBound: number } | { ok: false; refusal: Refusal };

/**
 * Whether a state may stand: required fields, the shape of every known field, the operator's sections, depth and size.
 * The state before was checked too, so that only what the change touched is looked at; the size is counted anew only
 * when the sum of what came in could have passed the limit.
 *
 * @param next the state after the change
 * @param change the effect that led to it
 * @param sizeBound what the last check returned for the state before; `Infinity` where there was none
 */
export function check(next: JsonObject, change: JsonObject, sizeBound: number, sections: Sections = {}): Checked {
  for (const field of REQUIRED_FIELDS) {
    if (!Object.hasOwn(next, field)) return refuse([field], `${field}: is required and cannot be removed`);
  }
  if (isDeeperThan(LIMITS.depth, change)) {
    return refuse([], `the document would be nested more than ${LIMITS.depth} levels deep`, LIMITS.depth);
  }
  for (const field of Object.keys(change)) {
    if (!Object.hasOwn(next, field)) continue;
    const refusal = checkField(field, next[field], sections);
    if (refusal) return { ok: false, refusal };
  }
  // Merging adds at most the patch's own bytes and one comma.
  const bound = sizeBound + jsonBytes(change) + 1;
  if (bound <= LIMITS.documentBytes) return { ok: true, sizeBound: bound };
  const bytes = jsonBytes(next);
  return bytes <= LIMITS.documentBytes
    ? { ok: true, sizeBound: bytes }
    : refuse(
        [],
        `the document would take ${bytes} bytes; at most ${LIMITS.documentBytes} are allowed`,
        LIMITS.documentBytes,
      );
}

function refuse(path: Path, message: string, limit?: number): { ok: false; refusal: Refusal } {
  const reason = limit === undefined ? 'INVALID' : 'TOO_LARGE';
  return { ok: false, refusal: { reason, message, path, ...(limit !== undefined && { limit }) } };
}

/** An operator's schema may throw (one that is asynchronous does): the field is refused, and the server stays up. */
function firstIssue(schema: z.ZodType | undefined, value: JsonValue | undefined): Issue | undefined {
  try {
    return schema?.safeParse(value, { error: inWords }).error?.issues[0];
  } catch {
    return { code: 'custom', path: [], message: "this server's schema for it failed" };
  }
}

function checkField(field: string, value: JsonValue | undefined, sections: Sections): Refusal | undefined {
  const known: Readonly<Record<string, z.ZodType>> = FIELD_SCHEMAS;
  const schemas = [
    Object.hasOwn(known, field) ? known[field] : undefined,
    Object.hasOwn(sections, field) ? sections[field] : undefined,
  ];
  for (const schema of schemas) {
    const issue = firstIssue(schema, value);
    if (!issue) continue;
    const path = [field, ...issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step))];
    const limit = issue.code === 'too_big' ? Number(issue.maximum) : undefined;
    return {
      reason: limit === undefined ? 'INVALID' : 'TOO_LARGE',
      message: `${path.join('.')}: ${issue.message}`,
      path,
      ...(limit !== undefined && { limit }),
    };
  }
  return undefined;
}

/** Looks no further down than it must, so that no depth of nesting can exhaust the stack. */
function isDeeperThan(levels: number, value: JsonValue): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((member) => isDeeperThan(levels - 1, member));
}
