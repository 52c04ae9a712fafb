import { useState } from 'react';
import type { CampaignUpdates, JsonObject } from '@campaign-state/client';
import { useCampaignUpdates } from '@campaign-state/client/react';
import { useEdited, useEdits, useLocalDocument } from '../../fields/local-document.ts';
import { useMeasured } from '../../measure/use-measured.ts';
import { sayRefusal } from '../../status/say-refusal.ts';
import { AddVariant } from './controls/AddVariant.tsx';
import { initialValue } from './model/initial-value.ts';
import { variantsOf } from './model/variants.ts';
import { useModuleShape } from './use-module-shape.ts';

const NOTHING: Readonly<Record<string, unknown>> = {};

/** Adds a module to the page, of the kinds that there are: what it shows, and its place among the features, at once. */
export default function AddModule() {
  const components = useEdited((document) => document.ui_components) ?? NOTHING;
  const features = useEdited((document) => document.features) ?? [];
  const local = useLocalDocument();
  const { update } = useEdits();
  const { batch } = useCampaignUpdates();
  const measure = useMeasured();
  const shape = useModuleShape();
  const [error, setError] = useState<string>();
  const variants = shape ? variantsOf(shape) : [];
  // Without kinds a module would be anything: that is for the JSON.
  if (shape?.kind !== 'union') return undefined;
  return (
    <AddVariant
      one="Module"
      variants={variants}
      taken={[...Object.keys(components), ...features]}
      error={error}
      add={(variant, name) => {
        setError(undefined);
        const ui_components: JsonObject = { [name]: initialValue(variant.shape) };
        // Documents are JSON; their types say `unknown` where they are open.
        const module = { ui_components } as CampaignUpdates;
        const added = local
          ? update({ ...module, features: [...features, name] })
          : measure(
              batch((both) => {
                both.update(module);
                both.updateFeatures([name], 'add');
              }),
            );
        added.catch((refusal: Error) => setError(sayRefusal(refusal, name)));
      }}
    />
  );
}
