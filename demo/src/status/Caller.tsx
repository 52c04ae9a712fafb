import { useAccess } from './use-access.ts';

/** Under which name, and in which role, edits are made here. */
export function Caller() {
  const { who } = useAccess();
  return who !== undefined && <span className="caller">{who}</span>;
}
