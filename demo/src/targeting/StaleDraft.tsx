/** Says that somebody else has changed what is being edited, and offers to take it. */
export function StaleDraft({
  kind,
  take,
}: {
  /** As it is called in sentences: rule. */ kind: string;
  take: () => void;
}) {
  return (
    <p className="field-conflict">
      Somebody else has changed this {kind} since you began. Saving overwrites what they did.{' '}
      <button type="button" className="small" onClick={take}>
        Take theirs
      </button>
    </p>
  );
}
