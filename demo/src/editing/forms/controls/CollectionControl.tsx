import { useRef, useState } from 'react';
import type { ReactNode } from 'react';
import type { JsonObject, JsonValue } from '@campaign-state/client';
import { isObject } from '../../../sections/json.ts';
import { sayRefusal } from '../../../status/say-refusal.ts';
import { fieldOf, type FormField } from '../model/fields.ts';
import { initialValue } from '../model/initial-value.ts';
import { labelOf } from '../model/labels.ts';
import type { ObjectShape } from '../model/shape.ts';
import { variantsOf, type Variant } from '../model/variants.ts';
import { AddVariant } from './AddVariant.tsx';
import { ItemRow } from './ItemRow.tsx';
import { Removed } from './Removed.tsx';
import { usePlaceEdits } from './use-place-edits.ts';

const NOTHING: JsonObject = {};

/** Things that have names: added under one, and removed, and that undone. */
export function CollectionControl({
  field,
  shape,
  one,
  render,
}: {
  field: FormField;
  shape: ObjectShape;
  /** What is added, in a word. */
  one: string;
  render: (field: FormField) => ReactNode;
}) {
  const { place, label } = field;
  const value = isObject(field.value) ? field.value : NOTHING;
  const { put, read } = usePlaceEdits();
  const root = useRef<HTMLDivElement>(null);
  const [opened, setOpened] = useState<ReadonlySet<string>>(new Set());
  const [removed, setRemoved] = useState<{ readonly name: string; readonly was: JsonValue }>();
  const [announcement, setAnnouncement] = useState('');
  const [error, setError] = useState<string>();
  const names = Object.keys(value);
  const item = shape.rest ?? { kind: 'json' };

  function change(name: string, next: JsonObject[string] | undefined, say: string): void {
    setError(undefined);
    setAnnouncement(say);
    put([...place, name], next).catch((refusal: Error) => setError(sayRefusal(refusal, label)));
  }

  function add(variant: Variant, name: string): void {
    setOpened(new Set([...opened, name]));
    change(name, initialValue(variant.shape), `${name} added`);
  }

  function remove(name: string): void {
    const was = value[name];
    if (was !== undefined) setRemoved({ name, was });
    change(name, undefined, `${name} removed`);
    root.current?.querySelector<HTMLElement>(':scope > form input')?.focus();
  }

  function restore({ name, was }: { readonly name: string; readonly was: JsonValue }): void {
    if (read([...place, name]) !== undefined) return setError(`${name} is there again, and is not overwritten.`);
    setRemoved(undefined);
    change(name, was, `${name} is back`);
  }

  function toggle(name: string): void {
    const next = new Set(opened);
    if (!next.delete(name)) next.add(name);
    setOpened(next);
  }

  return (
    <div className="form-list" ref={root}>
      {names.length === 0 && <p className="empty">None yet.</p>}
      <ul className="items" aria-label={label}>
        {names.map((name) => {
          const memberField = fieldOf(item, value[name], [...place, name]);
          if (!memberField) return undefined;
          const isPlain = typeof value[name] !== 'object';
          return (
            <ItemRow
              key={name}
              title={name}
              isOpen={opened.has(name)}
              toggle={isPlain ? undefined : () => toggle(name)}
              remove={() => remove(name)}
            >
              {render({ ...memberField, label: isPlain ? labelOf(name) : memberField.label })}
            </ItemRow>
          );
        })}
      </ul>
      {removed && <Removed title={removed.name} restore={() => restore(removed)} />}
      <AddVariant one={one} variants={variantsOf(item)} taken={names} error={error} add={add} />
      <p className="visually-hidden" role="status">
        {announcement}
      </p>
    </div>
  );
}
