import { useCallback } from 'react';
import { usePresence } from '@campaign-state/client/react/presence';

/** What people call the user of an id: their name where they are here and have one. */
export function useNameOf(): (id: string) => string {
  const { members } = usePresence();
  return useCallback((id) => members?.find((member) => member.id === id)?.name ?? id, [members]);
}
