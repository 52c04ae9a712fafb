import { useCampaignState } from '@campaign-state/client/react';
import { useMeasured } from '../measure/use-measured.ts';
import { AddFeature } from './AddFeature.tsx';
import { FeatureList } from './FeatureList.tsx';
import { ModuleFields } from './ModuleFields.tsx';

/** What the page can do: its features in order, and the figures of those that are modules of the page. */
export function FeaturesPanel() {
  const { state, updateFeatures } = useCampaignState();
  const measure = useMeasured();
  const { features = [], ui_components: components = {} } = state;
  return (
    <>
      <p className="panel-intro">The page shows its modules in this order. Features without a module are switches that apps read.</p>
      <FeatureList
        features={features}
        isModule={(feature) => feature === 'lead_form' || Object.hasOwn(components, feature)}
        reorder={(order) => void measure(updateFeatures(order, 'set'))}
        remove={(feature) => void measure(updateFeatures([feature], 'remove'))}
      />
      <AddFeature
        suggestions={['lead_form', ...Object.keys(components)].filter((name) => !features.includes(name))}
        add={(feature) => measure(updateFeatures([feature], 'add'))}
      />
      {features.map((feature) => (
        <ModuleFields key={feature} name={feature} />
      ))}
    </>
  );
}
