import { LockableSection } from '../locks/LockableSection.tsx';
import { useEdited, useEdits } from '../fields/local-document.ts';
import { AddItem } from '../fields/AddItem.tsx';
import { ItemList } from '../fields/ItemList.tsx';
import { SharedField } from '../fields/SharedField.tsx';
import { lazyPart } from '../status/lazy-part.tsx';

const AddModule = lazyPart('The choice of modules', async () => (await import('./forms/AddModule.tsx')).default);
const ModuleForm = lazyPart('The form of the module', async () => (await import('./forms/ModuleForm.tsx')).default);

const FEATURES = ['features'];

/** What the page can do: its features in order, and the forms of those that are modules of the page. */
export function FeaturesPanel({ readOnly }: { readOnly: boolean }) {
  const { features = [], ui_components: components = {} } = useEdited((document) => document);
  const { updateFeatures } = useEdits();
  return (
    <>
      <p className="panel-intro">
        The page shows its modules in this order. Features without a module are switches that apps read.
      </p>
      <LockableSection path={FEATURES} title="Features in order" readOnly={readOnly}>
        <SharedField path={FEATURES}>
          <ItemList
            label="Features"
            items={features}
            isPlain={(feature) => feature !== 'lead_form' && !Object.hasOwn(components, feature)}
            reorder={(order) => void updateFeatures(order, 'set')}
            remove={(feature) => void updateFeatures([feature], 'remove')}
          />
          <AddItem
            label="Add a feature"
            suggestions={['lead_form', ...Object.keys(components)].filter((name) => !features.includes(name))}
            add={(feature) => updateFeatures([feature], 'add')}
          />
          <AddModule />
        </SharedField>
      </LockableSection>
      {features.map((feature) => Object.hasOwn(components, feature) && <ModuleForm key={feature} name={feature} />)}
    </>
  );
}
