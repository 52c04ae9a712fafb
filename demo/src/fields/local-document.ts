import { createContext, use, useState } from 'react';
import { mergePatch, type CampaignUpdates, type CampaignView, type JsonObject } from '@campaign-state/client';
import { useCampaign, useCampaignUpdates } from '@campaign-state/client/react';
import { useMeasured } from '../measure/use-measured.ts';
import type { Field, FieldOptions } from './use-field.ts';

/** A document that is edited here alone, with the forms of the shared one: what an arm makes of the campaign. */
export interface LocalDocument {
  readonly state: CampaignView;
  readonly change: (next: CampaignView) => void;
}

const LocalDocumentContext = createContext<LocalDocument | undefined>(undefined);

export const LocalDocumentProvider = LocalDocumentContext.Provider;

/** The local document that the forms here edit; `undefined` where they edit the campaign. */
export function useLocalDocument(): LocalDocument | undefined {
  return use(LocalDocumentContext);
}

/** A part of the document that the forms here edit. */
export function useEdited<T>(select: (document: CampaignView) => T): T {
  const local = useLocalDocument();
  const shared = useCampaign(select);
  return local ? select(local.state) : shared;
}

/** Edits of the document that the forms here edit; those of the campaign are measured. */
export interface Edits {
  readonly update: (updates: CampaignUpdates) => Promise<unknown>;
  readonly updateFeatures: (features: readonly string[], action: 'add' | 'remove' | 'set') => Promise<unknown>;
}

export function useEdits(): Edits {
  const local = useLocalDocument();
  const { updateCampaign, updateFeatures } = useCampaignUpdates();
  const measure = useMeasured();
  if (!local)
    return {
      update: (updates) => measure(updateCampaign(updates)),
      updateFeatures: (features, action) => measure(updateFeatures(features, action)),
    };
  const update = (updates: CampaignUpdates): Promise<void> => {
    local.change(patched(local.state, updates));
    return Promise.resolve();
  };
  return {
    update,
    updateFeatures(features, action) {
      const { features: present = [] } = local.state;
      const others = present.filter((item) => !features.includes(item));
      const next = { add: [...present, ...features.filter((item) => !present.includes(item))], remove: others };
      return update({ features: action === 'set' ? [...features] : next[action] });
    },
  };
}

/** One field of a local document: whatever is complete is in it at once. */
export function useLocalField(
  local: LocalDocument | undefined,
  value: string,
  updates: (value: string) => CampaignUpdates,
  { isComplete = () => true, keepsUnsent = false }: FieldOptions,
): Field {
  const [typed, setTyped] = useState<string>();
  return {
    value: typed ?? value,
    change(next) {
      const complete = isComplete(next);
      setTyped(complete ? undefined : next);
      if (complete) local?.change(patched(local.state, updates(next)));
    },
    // Nobody else sees it.
    compose: () => undefined,
    leave: () => setTyped(keepsUnsent ? typed : undefined),
    conflict: undefined,
    error: undefined,
  };
}

/** Documents and their updates are JSON; their types say `unknown` where they are open. */
function patched(state: CampaignView, updates: CampaignUpdates): CampaignView {
  return mergePatch(state as JsonObject, updates as JsonObject);
}
