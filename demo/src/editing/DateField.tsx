import { useId } from 'react';
import type { Change } from '@campaign-state/client';
import { FieldFrame } from './FieldFrame.tsx';
import { useDraft } from './use-draft.ts';

/** Years are typed digit by digit: 0002 and 0020 come before 2027, and are not meant. */
const EARLIEST = Date.UTC(1970, 0);

/** A moment of the document, edited in UTC. */
export function DateField({ label, value, save }: { label: string; value: string; save: (value: string) => Change }) {
  const id = useId();
  const draft = useDraft(toControl(value), (local) => save(`${local}:00Z`), { isComplete: isMeant });
  return (
    <FieldFrame id={id} label={`${label} (UTC)`} conflict={draft.conflict} error={draft.error}>
      <input
        id={id}
        type="datetime-local"
        value={draft.value}
        aria-describedby={`${id}-notes`}
        onBlur={draft.leave}
        onChange={(event) => draft.change(event.target.value)}
      />
    </FieldFrame>
  );
}

/** An ISO 8601 date, whatever its offset, as the control wants it: to the minute, in UTC. */
function toControl(date: string): string {
  const at = Date.parse(date);
  return Number.isNaN(at) ? '' : new Date(at).toISOString().slice(0, 16);
}

function isMeant(local: string): boolean {
  return Date.parse(`${local}:00Z`) >= EARLIEST;
}
