/** Says what was removed last, and takes that back. */
export function Removed({ title, restore }: { title: string; restore: () => void }) {
  return (
    <p className="removed">
      <span dir="auto">Removed {title}.</span>{' '}
      <button type="button" className="small" aria-label={`Undo: bring ${title} back`} onClick={restore}>
        Undo
      </button>
    </p>
  );
}
