import type { JsonValue } from '@campaign-state/client';
import { useAccess } from '@campaign-state/client/react';
import { useEdited } from '../../fields/local-document.ts';
import { FormControl } from './FormControl.tsx';
import { fieldOf } from './model/fields.ts';
import { useModuleShape } from './use-module-shape.ts';

/** The fields of one module of the page, under its name. */
export default function ModuleForm({ name }: { name: string }) {
  // Documents are JSON; their types say `unknown` where they are open.
  const value = useEdited((document) => document.ui_components?.[name]) as JsonValue | undefined;
  const { mayWrite } = useAccess();
  const shape = useModuleShape();
  if (!shape) return <div className="skeleton" role="status" aria-label={`Loading ${name}`} />;
  const field = fieldOf(shape, value, ['ui_components', name]);
  if (!field) return undefined;
  return (
    <fieldset className="module-fields" disabled={!mayWrite('ui_components')}>
      <legend>{name}</legend>
      <FormControl field={field} isRoot />
    </fieldset>
  );
}
