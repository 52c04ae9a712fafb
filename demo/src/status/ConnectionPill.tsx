import { useConnection } from '@campaign-state/client/react';
import { Pill } from './Pill.tsx';

/** How the connection of the client above stands. */
export function ConnectionPill({ of }: { of: string }) {
  return <Pill of={of} connection={useConnection()} />;
}
