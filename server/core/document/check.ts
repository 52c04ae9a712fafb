import type { z } from 'zod';
import { FIELD_SCHEMAS, REQUIRED_FIELDS } from './document-schema.ts';
import type { Path, Refusal } from '../errors.ts';
import { issueRefusal, type SchemaIssue } from './issue-refusal.ts';
import { inWords } from './issue-words.ts';
import type { JsonObject, JsonValue } from '../json.ts';
import { LIMITS } from '../limits.ts';
import { jsonBytes } from './plain-json.ts';

/**
 * Operator-defined schemas by top-level field. They narrow the known shapes and never widen them.
 *
 * @example defineSections({ ui_content: z.object({ banner: z.string().max(80) }) })
 */
export type Sections = Readonly<Record<string, z.ZodType>>;

/**
 * Declares the sections that the server enforces, and returns them as they are: server and app import the same value,
 * so that the app's types and the server's checks cannot differ.
 *
 * @example
 *   export const sections = defineSections({ commerce: z.object({ price: z.number() }) });
 *   await createCampaignServer({ sections });
 */
export function defineSections<const S extends Sections>(sections: S): S {
  return sections;
}

/** The result of {@link check}. */
export type Checked =
  /** `sizeBound`: an upper bound of the document's size in bytes, the input of the next check. */
  { ok: true; sizeBound: number } | { ok: false; refusal: Refusal };

/**
 * The validation of a document after a change: required fields, the shape of every known field, the operator's
 * sections, depth and size. The document before the change was validated too, so only the changed fields are looked at,
 * and the exact size is computed only when the accumulated upper bound passes the limit.
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

/** The first issue of a value. An operator's schema may throw (an asynchronous one does): then the field is refused. */
function firstIssue(schema: z.ZodType | undefined, value: JsonValue | undefined): SchemaIssue | undefined {
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
    if (issue) return issueRefusal(issue, [field]);
  }
  return undefined;
}

/** Whether a value is nested deeper; recursion ends at that level, so that no depth can exhaust the stack. */
function isDeeperThan(levels: number, value: JsonValue): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((member) => isDeeperThan(levels - 1, member));
}
