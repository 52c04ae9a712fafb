import { useId } from 'react';
import type { Change } from '@campaign-state/client';
import { FieldFrame } from './FieldFrame.tsx';
import { useDraft } from './use-draft.ts';

/** A moment of the document, edited in UTC. */
export function DateField({ label, value, save }: { label: string; value: string; save: (value: string) => Change }) {
  const id = useId();
  const draft = useDraft(value, save);
  return (
    <FieldFrame id={id} label={`${label} (UTC)`} conflict={draft.conflict} error={draft.error}>
      <input
        id={id}
        type="datetime-local"
        value={draft.value.slice(0, 16)}
        aria-describedby={`${id}-notes`}
        onBlur={draft.leave}
        onChange={({ target }) => draft.change(target.value === '' ? '' : `${target.value}:00Z`)}
      />
    </FieldFrame>
  );
}
