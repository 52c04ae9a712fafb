import { useAccess } from '@campaign-state/client/react';
import { usePresence, type PresenceMember } from '@campaign-state/client/react/presence';
import { Face } from './Face.tsx';

/** Faces that have room; the others are a number. */
const SHOWN = 5;

/** Who has this campaign open: by name for those who may edit it, for others how many watch it. */
export function Faces() {
  const { members, more, viewers } = usePresence();
  const { id } = useAccess();
  if (members === undefined) return undefined;
  if (members.length === 0)
    return <span className="faces-count">{viewers === 1 ? '1 viewer' : `${viewers} viewers`}</span>;
  const shown = members.toSorted((a, b) => a.since - b.since).slice(0, SHOWN);
  const left = members.length - shown.length + more;
  return (
    <ul className="faces" aria-label="Who is here">
      {shown.map((member) => (
        <li key={member.id} title={describe(member, id)}>
          <Face member={member} />
          <span className="visually-hidden">{describe(member, id)}</span>
        </li>
      ))}
      {left > 0 && (
        <li className="face">
          <span aria-hidden="true">+{left}</span>
          <span className="visually-hidden">and {left} more</span>
        </li>
      )}
    </ul>
  );
}

function describe({ id, name = id, tabs, focus }: PresenceMember, ownId: string | undefined): string {
  return [
    id === ownId ? `${name} (you)` : name,
    ...(tabs > 1 ? [`${tabs} tabs`] : []),
    ...(focus && focus.length > 0 ? [`at ${sayPlace(focus)}`] : []),
  ].join(', ');
}

/** A place in the document in words: `ui_content.banner` → banner in ui content. */
function sayPlace(path: readonly string[]): string {
  const words = path.map((key) => key.replaceAll('_', ' ')).toReversed();
  return words.join(' in ');
}
