import type { ReactNode } from 'react';
import { useLockedBy } from '@campaign-state/client/react/locks';
import { useFieldPresence } from '@campaign-state/client/react/presence';
import { LockControls } from '../locks/LockControls.tsx';
import { useIsLockSaid } from '../locks/LockableSection.tsx';
import { personStyle } from '../people/Face.tsx';
import { useLocalDocument } from './local-document.ts';
import { People } from '../people/People.tsx';

/**
 * What surrounds a field of the document: who else is at it, with a ring in their colour; closed while somebody else
 * has locked it.
 */
export function SharedField(props: SharedFieldProps) {
  // What is edited here alone nobody else is at.
  return useLocalDocument() ? props.children : <FieldOfAll {...props} />;
}

interface SharedFieldProps {
  readonly path: readonly string[];
  readonly head?: ReactNode;
  readonly children: ReactNode;
}

function FieldOfAll({ path, head, children }: SharedFieldProps) {
  const [first] = useFieldPresence(path);
  const lock = useLockedBy(path);
  const isSaid = useIsLockSaid();
  return (
    <div
      className="field"
      data-path={JSON.stringify(path)}
      data-busy={first !== undefined}
      style={first && personStyle(first)}
    >
      {(head !== undefined || first) && (
        <div className="field-head">
          {head}
          <People path={path} />
        </div>
      )}
      {/* Only there to close what is in it. */}
      <fieldset role="presentation" disabled={lock !== undefined}>
        {children}
      </fieldset>
      {lock && !isSaid && <LockControls path={lock.path} name={lock.path.join('.') || 'the campaign'} />}
    </div>
  );
}
