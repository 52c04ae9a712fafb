import { useCallback, useEffect, useMemo } from 'react';
import type { ListedLock } from '../../../../server/core/locks/lock-view.ts';
import { useCampaignClient, useCampaignHandle } from '../provider/context.ts';
import { useSelected } from '../use-selected.ts';
import type { CampaignSnapshot, LockOptions, Readable } from '../../types.ts';
import { lockHandle, UNKNOWN_LOCK, type LockHandle, type LockStatus } from '../../locks/lock-handle.ts';
import { lockInTheWay, UNKNOWN_LOCKS, watchLocks, type LockListState } from '../../locks/lock-list.ts';

export type { ListedLock } from '../../../../server/core/locks/lock-view.ts';
export type { LockHandle, LockStatus } from '../../locks/lock-handle.ts';

/** Options of {@link useLock}. */
export interface UseLockOptions extends Pick<LockOptions, 'ttl' | 'note'> {
  /** Default: the provider's campaign. */
  readonly campaignId?: string | undefined;
}

/** What {@link useLock} returns. */
export interface UseLockResult extends LockStatus, Pick<LockHandle, 'acquire' | 'release' | 'steal'> {}

const NO_STATUS: Readable<LockStatus> = {
  subscribe: () => () => {},
  getSnapshot: () => UNKNOWN_LOCK,
  getInitialSnapshot: () => UNKNOWN_LOCK,
};
const NO_LIST: Readable<LockListState> = {
  subscribe: () => () => {},
  getSnapshot: () => UNKNOWN_LOCKS,
  getInitialSnapshot: () => UNKNOWN_LOCKS,
};
const nothing = (): Promise<void> => Promise.resolve();

/**
 * The lock of one path: who has it, and the functions to take it and give it back. It is released when the component
 * goes. Edits of the path by this client are made under it by themselves.
 *
 * @example
 * const { state, holder, acquire, release, steal } = useLock(['ui_content', 'banner']);
 * return state === 'theirs' ? <p>{holder} is editing this <button onClick={steal}>take over</button></p> : <Editor />;
 */
export function useLock(path: readonly string[], options: UseLockOptions = {}): UseLockResult {
  const client = useCampaignClient();
  const campaignId = useSelected(useCampaignHandle(options.campaignId), idOf);
  const key = JSON.stringify(path);
  const { ttl, note } = options;
  const handle = useMemo(
    // The key, not the path: an array that is written in place is another one with every render.
    () => (campaignId === undefined ? undefined : lockHandle(client, campaignId, keysOf(key), { ttl, note })),
    [client, campaignId, key, ttl, note],
  );
  const status = useSelected(handle ?? NO_STATUS, itself);
  useEffect(() => () => void handle?.release(), [handle]);
  return useMemo(
    () => ({
      ...status,
      acquire: handle?.acquire ?? nothing,
      release: handle?.release ?? nothing,
      steal: handle?.steal ?? nothing,
    }),
    [status, handle],
  );
}

/**
 * The lock by which somebody else, or this user in another page, keeps a path from being edited here; `undefined` where
 * none does. For fields that are locked with the section they stand in: it takes no lock.
 *
 * @example const lock = useLockedBy(['ui_content', 'banner']); return <input disabled={lock !== undefined} />;
 */
export function useLockedBy(
  path: readonly string[],
  options: Pick<UseLockOptions, 'campaignId'> = {},
): ListedLock | undefined {
  const client = useCampaignClient();
  const campaignId = useSelected(useCampaignHandle(options.campaignId), idOf);
  const key = JSON.stringify(path);
  const list = useMemo(
    () => (campaignId === undefined ? NO_LIST : watchLocks(client, campaignId)),
    [client, campaignId],
  );
  const select = useCallback((locks: LockListState) => lockInTheWay(locks, keysOf(key)), [key]);
  return useSelected(list, select, { isEqual: isSameLock });
}

function isSameLock(a: ListedLock | undefined, b: ListedLock | undefined): boolean {
  return a?.lockId === b?.lockId && a?.mayTakeOver === b?.mayTakeOver;
}

function idOf({ campaignId }: CampaignSnapshot): string | undefined {
  return campaignId;
}

function itself(status: LockStatus): LockStatus {
  return status;
}

function keysOf(key: string): string[] {
  const path: unknown = JSON.parse(key);
  return Array.isArray(path) ? path.map(String) : [];
}
