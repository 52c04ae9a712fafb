import { text } from '../audience/read.ts';
import { LockableSection } from '../locks/LockableSection.tsx';
import { useEdited, useLocalDocument } from '../fields/local-document.ts';
import { DateField } from '../fields/DateField.tsx';
import { orRemoved } from './or-removed.ts';
import { StatusField } from './StatusField.tsx';
import { TextField } from '../fields/TextField.tsx';

const CONTENT = ['ui_content'];

/** What the page says, and when. */
export function ContentPanel({ readOnly }: { readOnly: boolean }) {
  const state = useEdited((document) => document);
  const isLocal = useLocalDocument() !== undefined;
  const { ui_content: content = {} } = state;
  const form = content.lead_form ?? {};
  return (
    <>
      <TextField label="Title" path={['title']} value={state.title ?? ''} updates={(title) => ({ title })} />
      <TextField
        label="Description"
        path={['description']}
        value={state.description ?? ''}
        lines={3}
        updates={(description) => ({ description: orRemoved(description) })}
      />
      <LockableSection path={CONTENT} title="Words of the page" readOnly={readOnly}>
        <TextField
          label="Banner"
          path={['ui_content', 'banner']}
          value={text(content.banner)}
          lines={2}
          updates={(banner) => ({ ui_content: { banner: orRemoved(banner) } })}
        />
        <div className="field-pair">
          <TextField
            label="Call to action"
            path={['ui_content', 'cta']}
            value={text(content.cta)}
            updates={(cta) => ({ ui_content: { cta: orRemoved(cta) } })}
          />
          <TextField
            label="Line above the banner"
            path={['ui_content', 'kicker']}
            value={text(content['kicker'])}
            updates={(kicker) => ({ ui_content: { kicker: orRemoved(kicker) } })}
          />
        </div>
        <TextField
          label="Note under the button"
          path={['ui_content', 'cta_note']}
          value={text(content['cta_note'])}
          updates={(note) => ({ ui_content: { cta_note: orRemoved(note) } })}
        />
        <div className="field-pair">
          <TextField
            label="Form heading"
            path={['ui_content', 'lead_form', 'title']}
            value={text(form['title'])}
            updates={(title) => ({ ui_content: { lead_form: { title: orRemoved(title) } } })}
          />
          <TextField
            label="Form button"
            path={['ui_content', 'lead_form', 'submit_text']}
            value={text(form.submit_text)}
            updates={(submit) => ({ ui_content: { lead_form: { submit_text: orRemoved(submit) } } })}
          />
        </div>
        <TextField
          label="Footer"
          path={['ui_content', 'footer']}
          value={text(content['footer'])}
          lines={2}
          updates={(footer) => ({ ui_content: { footer: orRemoved(footer) } })}
        />
      </LockableSection>
      {!isLocal && <StatusField />}
      <div className="field-pair">
        <DateField
          label="Starts"
          path={['start_date']}
          value={state.start_date ?? ''}
          updates={(date) => ({ start_date: date })}
        />
        <DateField
          label="Ends"
          path={['end_date']}
          value={state.end_date ?? ''}
          updates={(date) => ({ end_date: date })}
          advice={sayOrder(state.start_date, state.end_date)}
        />
      </div>
    </>
  );
}

function sayOrder(starts: string | undefined, ends: string | undefined): string | undefined {
  return Date.parse(ends ?? '') <= Date.parse(starts ?? '') ? 'The campaign ends before it starts.' : undefined;
}
