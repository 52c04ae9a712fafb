import type { z } from 'zod';
import type { Sections } from '../check.ts';
import type { DescribedFields } from './described-fields.ts';
import { FIELD_SCHEMAS } from '../document-schema.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../json.ts';
import { jsonSchemaOf } from './json-schema.ts';
import { TARGETING_SCHEMAS } from '../targeting-schema.ts';

/**
 * What a document may hold, for forms: shapes and limits. What JSON Schema has no words for (a refinement, a
 * transformation) is left out, so that a value that meets all of it may still be refused. Fields of targeting are left
 * out too: they are changed by commands of their own.
 */
export function describeFields(sections: Sections): DescribedFields {
  const known: Sections = FIELD_SCHEMAS;
  const names = new Set([...Object.keys(known), ...Object.keys(sections)]);
  const fields: Record<string, readonly JsonObject[]> = {};
  for (const name of names) {
    if (Object.hasOwn(TARGETING_SCHEMAS, name)) continue;
    const schemas = [known, sections].flatMap((by) => (Object.hasOwn(by, name) ? (by[name] ?? []) : []));
    fields[name] = schemas.map(describe);
  }
  return fields;
}

/** One schema; `{}`, which takes everything, where it cannot be described. */
function describe(schema: z.ZodType): JsonObject {
  try {
    // Through JSON, because metadata is the operator's, and may hold anything.
    const text = JSON.stringify(jsonSchemaOf(schema));
    const described: JsonValue = JSON.parse(text);
    return isJsonObject(described) ? described : {};
  } catch {
    return {};
  }
}
