import type { CSSProperties } from 'react';
import type { PresenceMember } from '@campaign-state/client/react/presence';
import { initials } from './initials.ts';

/** The colour of a person, for what is drawn of them. */
export function personStyle({ colour }: Pick<PresenceMember, 'colour'>): CSSProperties {
  // React's type knows no custom properties.
  return { '--person': colour } as CSSProperties;
}

/** Somebody's initials in their colour. Who it is has to be said beside it. */
export function Face({ member }: { member: PresenceMember }) {
  return (
    <span className="face" style={personStyle(member)} aria-hidden="true">
      {initials(member.name ?? member.id)}
    </span>
  );
}
