import { useAccess } from '@campaign-state/client/react';

/** Under which name, and in which role, edits are made here. */
export function Caller() {
  const { id, role, anonymous } = useAccess();
  if (id === undefined) return null;
  return <span className="caller">{anonymous === true ? 'without a token' : `${id}, ${role ?? 'no role'}`}</span>;
}
