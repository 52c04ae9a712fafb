import type { z } from 'zod';
import { FIELD_SCHEMAS, REQUIRED_FIELDS } from './document-schema.ts';
import type { Path, Refusal } from '../errors.ts';
import { type DocumentTree, memberOf, type Part } from './document-tree.ts';
import { issueRefusal } from './issues/issue-refusal.ts';
import type { JsonObject, JsonValue } from '../json.ts';
import { LIMITS } from '../limits.ts';
import { touchedIssue } from './issues/touched-issue.ts';

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
export type Checked = { ok: true } | { ok: false; refusal: Refusal };

/**
 * The validation of a document after a change: required fields, the shape of every known field, the operator's
 * sections, depth and size. The document before the change was validated too, so only what the change names is looked
 * at, and the time follows the change.
 *
 * @param next the document after the change
 * @param change the effect that led to it
 * @param documentBytes the size of `next` as compact JSON
 */
export function check(next: DocumentTree, change: JsonObject, documentBytes: number, sections: Sections = {}): Checked {
  for (const field of REQUIRED_FIELDS) {
    if (memberOf(next, field) === undefined) return refuse([field], `${field}: is required and cannot be removed`);
  }
  if (isDeeperThan(LIMITS.depth, change)) {
    return refuse([], `the document would be nested more than ${LIMITS.depth} levels deep`, LIMITS.depth);
  }
  for (const field of Object.keys(change)) {
    const value = memberOf(next, field);
    const refusal = value === undefined ? undefined : checkField(field, value, change[field], sections);
    if (refusal) return { ok: false, refusal };
  }
  if (documentBytes <= LIMITS.documentBytes) return { ok: true };
  const message = `the document would take ${documentBytes} bytes; at most ${LIMITS.documentBytes} are allowed`;
  return refuse([], message, LIMITS.documentBytes);
}

function refuse(path: Path, message: string, limit?: number): { ok: false; refusal: Refusal } {
  const reason = limit === undefined ? 'INVALID' : 'TOO_LARGE';
  return { ok: false, refusal: { reason, message, path, ...(limit !== undefined && { limit }) } };
}

function checkField(
  field: string,
  value: Part,
  change: JsonValue | undefined,
  sections: Sections,
): Refusal | undefined {
  const known: Readonly<Record<string, z.ZodType>> = FIELD_SCHEMAS;
  for (const schemas of [known, sections]) {
    const schema = Object.hasOwn(schemas, field) ? schemas[field] : undefined;
    const issue = schema && touchedIssue(schema, value, change);
    if (issue) return issueRefusal(issue, [field]);
  }
  return undefined;
}

/** Whether a value is nested deeper; recursion ends at that level, so that no depth can exhaust the stack. */
function isDeeperThan(levels: number, value: JsonValue): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((member) => isDeeperThan(levels - 1, member));
}
