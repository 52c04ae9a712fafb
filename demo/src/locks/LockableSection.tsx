import { createContext, use } from 'react';
import type { ReactNode } from 'react';
import { LockControls } from './LockControls.tsx';

const IsSaid = createContext(false);

/** Whether who has locked a field is said at the head of its section already. */
export function useIsLockSaid(): boolean {
  return use(IsSaid);
}

/** Fields at whose head it is said already who has locked them. */
export function LockIsSaid({ children }: { children: ReactNode }) {
  return <IsSaid value>{children}</IsSaid>;
}

/** Fields that are locked together, under a heading with the lock. */
export function LockableSection({
  path,
  title,
  readOnly,
  children,
}: {
  path: readonly string[];
  title: string;
  readOnly: boolean;
  children: ReactNode;
}) {
  return (
    <section className="lockable" aria-label={title}>
      <header>
        <h3>{title}</h3>
        {!readOnly && <LockControls path={path} name={title.toLowerCase()} />}
      </header>
      <IsSaid value>{children}</IsSaid>
    </section>
  );
}
