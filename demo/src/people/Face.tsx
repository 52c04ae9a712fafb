import type { CSSProperties } from 'react';
import type { PresenceMember } from '@campaign-state/client/react/presence';

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

/** Up to two letters that stand for somebody, from a name or an id: Ada Lovelace → AL, dev → D. */
function initials(name: string): string {
  const words = name.match(/[\p{L}\p{N}]+/gu) ?? [];
  const outer = words.length > 1 ? [words[0], words.at(-1)] : words;
  const letters = outer.map((word = '') => /^./su.exec(word)?.[0] ?? '').join('');
  return letters === '' ? '?' : letters.toUpperCase();
}
