import type { ReactNode } from 'react';
import { isObject } from '../../sections/json.ts';
import { ChoiceControl, SwitchControl } from './controls/ChoiceControl.tsx';
import { AddMissing } from './controls/AddMissing.tsx';
import { CollectionControl } from './controls/CollectionControl.tsx';
import { JsonControl } from './controls/JsonControl.tsx';
import { ListControl } from './controls/ListControl.tsx';
import { PictureControl } from './controls/PictureControl.tsx';
import { TextControl } from './controls/TextControl.tsx';
import { TypedField } from './controls/TypedField.tsx';
import { fieldsOf, isCollection, isPicture, type FormField } from './model/fields.ts';
import type { ObjectShape } from './model/shape.ts';
import { singular } from './model/labels.ts';

/** The control of a field, by its shape. */
export function FormControl({ field, isRoot = false }: { field: FormField; isRoot?: boolean }): ReactNode {
  const { shape } = field;
  switch (shape.kind) {
    case 'text':
      return field.value === undefined && shape.format === 'colour' ? (
        <AddMissing field={field} />
      ) : (
        <TextControl field={field} shape={shape} />
      );
    case 'number':
      return <TypedField field={field} type="number" />;
    case 'switch':
      return <SwitchControl field={field} />;
    case 'choice':
      return <ChoiceControl field={field} options={shape.options} />;
    case 'list':
      return <ListControl field={field} shape={shape} render={(item) => <FormControl field={item} isRoot />} />;
    case 'json':
      return <JsonControl field={field} />;
    case 'object':
      return <ObjectControl field={field} shape={shape} isRoot={isRoot} />;
  }
}

/** The fields of an object, under its name where it is in another one. */
function ObjectControl({ field, shape, isRoot }: { field: FormField; shape: ObjectShape; isRoot: boolean }) {
  if (isPicture(shape)) return <PictureControl field={field} shape={shape} />;
  if (field.value === undefined && !isRoot) return <AddMissing field={field} />;
  const value = isObject(field.value) ? field.value : {};
  const one = shape.rest?.title ?? singular(field.label);
  const isNamed = isCollection(shape) || (shape.members.size === 0 && shape.rest !== undefined);
  const fields = isNamed ? (
    <CollectionControl field={field} shape={shape} one={one} render={(item) => <FormControl field={item} isRoot />} />
  ) : (
    fieldsOf(shape, value, field.place).map((member) => <FormControl key={member.place.at(-1)} field={member} />)
  );
  if (isRoot) return <div className="form-fields">{fields}</div>;
  return (
    <fieldset className="form-group">
      <legend>{field.label}</legend>
      {fields}
    </fieldset>
  );
}
