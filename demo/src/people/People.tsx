import { useFieldPresence } from '@campaign-state/client/react/presence';
import { personStyle } from './Face.tsx';

/** Names of the others who are at a place of the document. */
export function People({ path }: { path: readonly string[] }) {
  const people = useFieldPresence(path);
  if (people.length === 0) return undefined;
  return (
    <span className="field-people">
      {people.map((member) => (
        <span key={member.id} className="person" style={personStyle(member)}>
          {member.name ?? member.id}
        </span>
      ))}
    </span>
  );
}
