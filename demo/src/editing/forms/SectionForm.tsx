import type { JsonValue } from '@campaign-state/client';
import { useLockedBy } from '@campaign-state/client/react/locks';
import { FormControl } from './FormControl.tsx';
import { fieldOf } from './model/fields.ts';
import { initialValue } from './model/initial-value.ts';
import { resolveShape } from './model/resolve-shape.ts';
import { JSON_ONLY, type Shape } from './model/shape.ts';

/** A section of the document as fields. */
export function SectionForm({
  name,
  value,
  shape,
  readOnly,
}: {
  name: string;
  value: JsonValue | undefined;
  shape: Shape;
  readOnly: boolean;
}) {
  const lock = useLockedBy([name]);
  // What is not there, and could be anything, begins as something with names.
  const resolved = resolveShape(shape, value) ?? resolveShape(shape, initialValue({ kind: 'json' })) ?? JSON_ONLY;
  const field = fieldOf(resolved, value, [name]);
  if (!field) return undefined;
  return (
    <fieldset className="section-form" disabled={readOnly || lock !== undefined}>
      <FormControl field={field} isRoot />
    </fieldset>
  );
}
