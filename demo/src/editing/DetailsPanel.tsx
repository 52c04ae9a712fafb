import { useCampaign, useCampaignUpdates } from '@campaign-state/client/react';
import { useMeasured } from '../measure/use-measured.ts';
import { ChoiceField } from '../fields/ChoiceField.tsx';
import { orRemoved } from './or-removed.ts';
import { formulaFault } from './formula-fault.ts';
import { SetField } from '../fields/SetField.tsx';
import { SlugField } from './SlugField.tsx';
import { TextField } from '../fields/TextField.tsx';

/** What apps and colleagues need to know of the campaign, and its page does not show. */
export function DetailsPanel() {
  const state = useCampaign((document) => document);
  const { updateCampaign } = useCampaignUpdates();
  const measure = useMeasured();
  return (
    <>
      <div className="field-pair">
        <SlugField />
        <TextField
          label="Owner"
          path={['owner_id']}
          value={state.owner_id ?? ''}
          updates={(owner) => ({ owner_id: orRemoved(owner) })}
        />
      </div>
      <SetField label="Tags" one="a tag" name="tags" />
      <SetField label="Channels" one="a channel" name="channels" />
      <ChoiceField
        label="Broadcast"
        path={['broadcast_enabled']}
        value={state.broadcast_enabled === true ? 'on' : 'off'}
        options={['on', 'off']}
        choose={(choice) => void measure(updateCampaign({ broadcast_enabled: choice === 'on' }))}
      />
      <TextField
        label="Ranking formula"
        path={['ranking_formula']}
        value={state.ranking_formula ?? ''}
        updates={(formula) => ({ ranking_formula: orRemoved(formula) })}
        adviceOn={formulaFault}
      />
      <SetField label="Translated texts" one="a key" name="i18n_keys" />
    </>
  );
}
