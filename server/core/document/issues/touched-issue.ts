import { z } from 'zod';
import { type DocumentTree, isObjectPart, memberOf, type Part, plainOf } from '../document-tree.ts';
import type { SchemaIssue } from './issue-refusal.ts';
import { inWords } from './issue-words.ts';
import type { JsonObject, JsonValue } from '../../json.ts';

/**
 * The first issue that a schema has with a value after a change, in time proportional to the change. The value was
 * valid before it, so objects and records are entered along the change, and what stands beside its path is not looked
 * at: a record of 18,000 entries takes milliseconds to parse. Everything else is parsed as a whole: scalars, arrays (a
 * patch replaces them as a whole, too), and each object whose schema says something about more than one member (a
 * refinement, a transformation, a strict object).
 *
 * @param change the part of the merge patch that is about this value
 */
export function touchedIssue(
  schema: z.core.$ZodType,
  value: Part | undefined,
  change: JsonValue | undefined,
): SchemaIssue | undefined {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodExactOptional)
    return value === undefined ? undefined : touchedIssue(schema.def.innerType, value, change);
  if (schema instanceof z.ZodAny || schema instanceof z.ZodUnknown) return undefined;
  if (isObjectPart(value) && isObjectPart(change) && isPerMember(schema))
    return memberIssue(schema, value, plainOf(change));
  return wholeIssue(schema, value);
}

/** A schema that judges each member of an object by itself. */
type PerMember = z.ZodObject | z.ZodRecord;

function isPerMember(schema: z.core.$ZodType): schema is PerMember {
  if (schema instanceof z.ZodObject) {
    const { catchall, checks } = schema.def;
    return !checks?.length && (catchall === undefined || catchall instanceof z.ZodUnknown);
  }
  return schema instanceof z.ZodRecord && !schema.def.checks?.length && schema.def.keyType instanceof z.ZodString;
}

function memberIssue(schema: PerMember, value: DocumentTree, change: JsonObject): SchemaIssue | undefined {
  const isRecord = schema instanceof z.ZodRecord;
  for (const key of Object.keys(isRecord ? change : schema.shape)) {
    const member = memberOf(value, key);
    // A record has nothing to say of a member that is gone; an object has, where it is required.
    if (isRecord ? member === undefined : member !== undefined && !Object.hasOwn(change, key)) continue;
    const memberSchema = isRecord ? schema.valueType : schema.shape[key];
    const issue = memberSchema && touchedIssue(memberSchema, member, change[key]);
    if (issue) return { ...issue, path: [key, ...issue.path] };
  }
  return undefined;
}

/** An operator's schema may throw (an asynchronous one does): then the value is refused. */
function wholeIssue(schema: z.core.$ZodType, value: Part | undefined): SchemaIssue | undefined {
  try {
    const plain = value === undefined ? undefined : plainOf(value);
    return z.safeParse(schema, plain, { error: inWords }).error?.issues[0];
  } catch {
    return { code: 'custom', path: [], message: "this server's schema for it failed" };
  }
}
