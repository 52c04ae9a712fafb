import { z } from 'zod';

type Overridden = Parameters<NonNullable<z.core.ToJSONSchemaParams['override']>>[0];

/**
 * The JSON Schema of what a schema takes. What it has no words for is left out: a refinement, a transformation, and
 * the pattern of an expression with other flags than `u`, which without them would refuse what the schema takes.
 */
export function jsonSchemaOf(schema: z.ZodType): z.core.JSONSchema.BaseSchema {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', override: leaveOutFlagged });
}

function leaveOutFlagged({ zodSchema, jsonSchema }: Overridden): void {
  const flagged = new Set<string | undefined>();
  for (const { _zod } of [zodSchema, ...(zodSchema._zod.def.checks ?? [])])
    if ('pattern' in _zod.def && _zod.def.pattern instanceof RegExp && !/^u?$/.test(_zod.def.pattern.flags))
      flagged.add(_zod.def.pattern.source);
  if (flagged.size === 0) return;
  if (flagged.has(jsonSchema.pattern)) delete jsonSchema.pattern;
  const others = jsonSchema.allOf?.filter(({ pattern }) => !flagged.has(pattern)) ?? [];
  if (others.length > 0) jsonSchema.allOf = others;
  else delete jsonSchema.allOf;
}
