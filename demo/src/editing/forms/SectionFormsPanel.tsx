import { useState } from 'react';
import { useCampaign } from '@campaign-state/client/react';
import type { JsonValue } from '@campaign-state/client';
import { AddNamed } from '../../fields/AddNamed.tsx';
import { Section } from '../../sections/Section.tsx';
import { faultOfName, sectionsOf } from '../../sections/section-names.ts';
import { labelOf } from './model/labels.ts';
import { SectionForm } from './SectionForm.tsx';
import { useDocumentShapes } from './use-document-shapes.ts';

/** What the document's own sections are called. */
const TITLES: Readonly<Record<string, string>> = {
  ui_content: 'Words of the page',
  ui_components: 'Modules of the page',
};

/** What is edited by commands of its own. */
const TARGETING: ReadonlySet<string> = new Set(['segments', 'rules', 'groups', 'holdouts']);

/** Every section and module of the document as fields, made of the server's schemas. */
export default function SectionFormsPanel({
  readOnly,
  mayWrite,
}: {
  readOnly: boolean;
  mayWrite: (field: string) => boolean;
}) {
  const [added, setAdded] = useState<readonly string[]>([]);
  // Values of the document are JSON; its type says `unknown` where it is open.
  const document = useCampaign((all) => all) as Readonly<Record<string, JsonValue>>;
  const shapes = useDocumentShapes();
  if (!shapes) return <div className="skeleton" role="status" aria-label="Loading the forms" />;
  const names = sectionsOf(document).filter((name) => !TARGETING.has(name));
  return (
    <>
      <p className="panel-intro">
        What you change is live at once. Limits are those of this server; what they do not allow is said beside its
        field, and is not sent.
      </p>
      <div className="sections">
        {[...names, ...added.filter((name) => !names.includes(name))].map((name) => {
          const shape = shapes(name);
          const isClosed = readOnly || !mayWrite(name);
          return (
            <Section
              key={name}
              name={name}
              title={shape.title ?? TITLES[name] ?? labelOf(name)}
              value={document[name]}
              readOnly={isClosed}
              isOpenAtFirst={added.includes(name)}
            >
              <SectionForm name={name} value={document[name]} shape={shape} readOnly={isClosed} />
            </Section>
          );
        })}
      </div>
      {!readOnly && (
        <AddNamed
          label="Add a section"
          placeholder="Such as commerce"
          faultOf={(name) => faultOfName(name, document)}
          add={(name) => setAdded([...added, name])}
        />
      )}
    </>
  );
}
