import { AddItem } from './AddItem.tsx';
import { useEdited, useEdits } from './local-document.ts';
import { ItemList } from './ItemList.tsx';
import { SharedField } from './SharedField.tsx';

/** One of the document's ordered sets: tags, channels and the like. */
export function SetField({
  label,
  one,
  name,
}: {
  label: string;
  one: string;
  name: 'tags' | 'channels' | 'i18n_keys';
}) {
  const items = useEdited((document) => document[name]) ?? [];
  const { update } = useEdits();
  const set = (next: readonly string[]) => update({ [name]: [...next] });
  return (
    <SharedField path={[name]}>
      <fieldset className="set-field">
        <legend>{label}</legend>
        <ItemList
          label={label}
          items={items}
          reorder={(order) => void set(order)}
          remove={(item) => void set(items.filter((other) => other !== item))}
        />
        <AddItem label={`Add ${one}`} add={(item) => set([...items.filter((other) => other !== item), item])} />
      </fieldset>
    </SharedField>
  );
}
