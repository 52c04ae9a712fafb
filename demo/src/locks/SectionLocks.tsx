import { createContext, use, useEffect, useState } from 'react';
import type { ReactNode } from 'react';
import { useCampaignClient, useCampaignSnapshot } from '@campaign-state/client/react';
import { lockHandle, type LockHandle } from '@campaign-state/client/locks';

type LockOf = (path: readonly string[]) => LockHandle;

const LocksContext = createContext<LockOf | undefined>(undefined);

/**
 * The locks that are taken in this console, one for each path. They stay while one goes from tab to tab, and are given
 * back when the campaign is left.
 */
export function SectionLocks({ children }: { children: ReactNode }) {
  const client = useCampaignClient();
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId) ?? '';
  const [handles] = useState(() => new Map<string, LockHandle>());
  const lockOf: LockOf = (path) => {
    const key = JSON.stringify(path);
    const handle = handles.get(key) ?? lockHandle(client, campaignId, path);
    handles.set(key, handle);
    return handle;
  };
  useEffect(
    () => () => {
      for (const handle of handles.values()) void handle.release();
    },
    [handles],
  );
  return <LocksContext value={lockOf}>{children}</LocksContext>;
}

/** The lock of a path, as all parts of this console share it. */
export function useLockOf(path: readonly string[]): LockHandle {
  const lockOf = use(LocksContext);
  if (!lockOf) throw new Error('useLockOf: there are no SectionLocks above');
  return lockOf(path);
}
