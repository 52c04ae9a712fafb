import { useCampaign, useCampaignUpdates } from '@campaign-state/client/react';
import { useMeasured } from '../measure/use-measured.ts';
import { AddItem } from './AddItem.tsx';
import { ItemList } from './ItemList.tsx';
import { ModuleFields } from './ModuleFields.tsx';

/** What the page can do: its features in order, and the figures of those that are modules of the page. */
export function FeaturesPanel() {
  const { features = [], ui_components: components = {} } = useCampaign((document) => document);
  const { updateFeatures } = useCampaignUpdates();
  const measure = useMeasured();
  return (
    <>
      <p className="panel-intro">
        The page shows its modules in this order. Features without a module are switches that apps read.
      </p>
      <ItemList
        label="Features"
        items={features}
        isPlain={(feature) => feature !== 'lead_form' && !Object.hasOwn(components, feature)}
        reorder={(order) => void measure(updateFeatures(order, 'set'))}
        remove={(feature) => void measure(updateFeatures([feature], 'remove'))}
      />
      <AddItem
        label="Add a feature"
        suggestions={['lead_form', ...Object.keys(components)].filter((name) => !features.includes(name))}
        add={(feature) => measure(updateFeatures([feature], 'add'))}
      />
      {features.map((feature) => Object.hasOwn(components, feature) && <ModuleFields key={feature} name={feature} />)}
    </>
  );
}
