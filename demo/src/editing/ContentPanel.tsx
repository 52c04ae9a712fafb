import { useCampaign, useCampaignUpdates } from '@campaign-state/client/react';
import { useMeasured } from '../measure/use-measured.ts';
import { text } from '../audience/read.ts';
import { ChoiceField } from './ChoiceField.tsx';
import { DateField } from './DateField.tsx';
import { orRemoved } from './or-removed.ts';
import { TextField } from './TextField.tsx';
import { useTypedUpdate } from './use-typed-update.ts';

const STATUSES = ['draft', 'active', 'paused', 'ended'] as const;

/** What the page says, and when. */
export function ContentPanel() {
  const state = useCampaign((document) => document);
  const { updateCampaign } = useCampaignUpdates();
  const updateTyped = useTypedUpdate();
  const measure = useMeasured();
  const { ui_content: content = {} } = state;
  const form = content.lead_form ?? {};
  return (
    <>
      <TextField label="Title" value={state.title ?? ''} save={(title) => updateTyped({ title })} />
      <TextField
        label="Banner"
        value={text(content.banner)}
        lines={2}
        save={(banner) => updateTyped({ ui_content: { banner: orRemoved(banner) } })}
      />
      <TextField
        label="Description"
        value={state.description ?? ''}
        lines={3}
        save={(description) => updateTyped({ description: orRemoved(description) })}
      />
      <div className="field-pair">
        <TextField
          label="Call to action"
          value={text(content.cta)}
          save={(cta) => updateTyped({ ui_content: { cta: orRemoved(cta) } })}
        />
        <TextField
          label="Line above the banner"
          value={text(content['kicker'])}
          save={(kicker) => updateTyped({ ui_content: { kicker: orRemoved(kicker) } })}
        />
      </div>
      <ChoiceField
        label="Status"
        value={state.status}
        options={STATUSES}
        choose={(status) => void measure(updateCampaign({ status }))}
      />
      <TextField
        label="Note under the button"
        value={text(content['cta_note'])}
        save={(note) => updateTyped({ ui_content: { cta_note: orRemoved(note) } })}
      />
      <div className="field-pair">
        <DateField label="Starts" value={state.start_date ?? ''} save={(date) => updateTyped({ start_date: date })} />
        <DateField label="Ends" value={state.end_date ?? ''} save={(date) => updateTyped({ end_date: date })} />
      </div>
      <div className="field-pair">
        <TextField
          label="Form heading"
          value={text(form['title'])}
          save={(title) => updateTyped({ ui_content: { lead_form: { title: orRemoved(title) } } })}
        />
        <TextField
          label="Form button"
          value={text(form.submit_text)}
          save={(submit) => updateTyped({ ui_content: { lead_form: { submit_text: orRemoved(submit) } } })}
        />
      </div>
      <TextField
        label="Footer"
        value={text(content['footer'])}
        lines={2}
        save={(footer) => updateTyped({ ui_content: { footer: orRemoved(footer) } })}
      />
    </>
  );
}
