import { z } from 'zod';
import { jsonSchemaOf } from './json-schema.ts';

/**
 * An object that is checked by the schema that its `type` names. Objects of other types are taken as they are, so that
 * an app can have components of which the server knows nothing. Forms offer those that are named.
 *
 * @example
 *   const component = openVariants({ countdown: z.looseObject({ label: z.string() }) });
 *   export const sections = defineSections({ ui_components: z.record(z.string(), component) });
 */
export function openVariants(variants: Readonly<Record<string, z.ZodObject>>) {
  const named = Object.entries(variants).map(([type, schema]) => {
    const { $schema: _dialect, properties, required = [], ...described } = jsonSchemaOf(schema);
    return {
      ...described,
      properties: { ...properties, type: { type: 'string', const: type } },
      required: [...required.filter((name) => name !== 'type'), 'type'],
    };
  });
  const others = { properties: { type: { type: 'string', not: { enum: Object.keys(variants) } } } };
  return z
    .looseObject({ type: z.string() })
    .check((context) => {
      const { type } = context.value;
      const schema = Object.hasOwn(variants, type) ? variants[type] : undefined;
      if (!schema) return;
      // Run rather than parsed, so that its issues are put into words where those of the whole are.
      const result = schema._zod.run({ value: context.value, issues: [] }, { async: false });
      if (result instanceof Promise) throw new TypeError(`openVariants: the schema of ${type} is asynchronous`);
      context.issues.push(...result.issues);
    })
    .meta({ anyOf: [...named, others] });
}
