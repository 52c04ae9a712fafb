import { useState } from 'react';
import { useCampaign } from '@campaign-state/client/react';
import { AddNamed } from '../fields/AddNamed.tsx';
import type { JsonValue } from '@campaign-state/client';
import { JsonSection } from './JsonSection.tsx';
import { faultOfName, sectionsOf } from './section-names.ts';

/** Every section and module of the document as text, for all that has no field of its own. */
export function SectionsPanel({ readOnly, mayWrite }: { readOnly: boolean; mayWrite: (field: string) => boolean }) {
  const [added, setAdded] = useState<readonly string[]>([]);
  // Values of the document are JSON; its type says `unknown` where it is open.
  const document = useCampaign((all) => all) as Readonly<Record<string, JsonValue>>;
  const names = sectionsOf(document);
  return (
    <>
      <p className="panel-intro">
        Nothing here is live before it is applied. What others change in another part of the same section meanwhile
        stays theirs.
      </p>
      <div className="sections">
        {[...names, ...added.filter((name) => !names.includes(name))].map((name) => (
          <JsonSection
            key={name}
            name={name}
            value={document[name]}
            readOnly={readOnly || !mayWrite(name)}
            isOpenAtFirst={added.includes(name)}
          />
        ))}
      </div>
      {!readOnly && (
        <AddNamed
          label="Add a module"
          placeholder="Such as commerce"
          faultOf={(name) => faultOfName(name, document)}
          add={(name) => setAdded([...added, name])}
        />
      )}
    </>
  );
}
