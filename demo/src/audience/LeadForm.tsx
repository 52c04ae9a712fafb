import { useId, useState } from 'react';
import type { CampaignView } from '@campaign-state/client';
import { list, record, text } from './read.ts';

type Field = Readonly<Record<string, unknown>>;

const INPUT_TYPES = new Set(['text', 'email', 'tel', 'number', 'url', 'date']);

/** What a visitor fills in, as the document describes it. The demo keeps nothing of it, but that it was sent. */
export function LeadForm({
  form,
  open,
  onSent,
}: {
  form: NonNullable<NonNullable<CampaignView['ui_content']>['lead_form']>;
  open: boolean;
  onSent?: (() => void) | undefined;
}) {
  const heading = useId();
  const [sent, setSent] = useState(false);
  return (
    <section className="lead-form" aria-labelledby={heading}>
      <h2 id={heading} dir="auto">
        {text(form['title']) || 'Stay in touch'}
      </h2>
      {sent ? (
        <p className="lead-thanks" role="status">
          {text(form['thanks']) || 'Thank you.'}{' '}
          <button type="button" className="text-button" onClick={() => setSent(false)}>
            Fill it in again
          </button>
        </p>
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            setSent(true);
            onSent?.();
          }}
        >
          {list(form.fields).map((field, index) => (
            <FormField
              key={text(record(field)['name']) || index}
              field={typeof field === 'string' ? { name: field, label: field } : record(field)}
            />
          ))}
          <button type="submit" className="page-button" disabled={!open}>
            {text(form.submit_text) || 'Send'}
          </button>
        </form>
      )}
    </section>
  );
}

function FormField({ field }: { field: Field }) {
  const id = useId();
  const type = text(field['type']);
  const shared = { id, dir: 'auto', name: text(field['name']), required: field['required'] === true };
  return (
    <div className="lead-field">
      <label htmlFor={id} dir="auto">
        {text(field['label']) || text(field['name'])}
        {!shared.required && <small> optional</small>}
      </label>
      {type === 'textarea' ? (
        <textarea {...shared} rows={2} />
      ) : type === 'select' ? (
        <select {...shared}>
          {list(field['options']).map((option) => (
            <option key={text(option)}>{text(option)}</option>
          ))}
        </select>
      ) : (
        <input {...shared} type={INPUT_TYPES.has(type) ? type : 'text'} autoComplete="off" />
      )}
    </div>
  );
}
