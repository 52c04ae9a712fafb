import { useCampaign, useCampaignUpdates } from '@campaign-state/client/react';
import { useMeasured } from '../measure/use-measured.ts';
import { AddItem } from './AddItem.tsx';
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
  const items = useCampaign((document) => document[name]) ?? [];
  const { updateCampaign } = useCampaignUpdates();
  const measure = useMeasured();
  const set = (next: readonly string[]) => measure(updateCampaign({ [name]: [...next] }));
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
