import type { ChangeCommand, Mutation } from '../../../server/core/commands/command.ts';
import { commandTouches } from '../../../server/core/locks/lock-path.ts';
import type { GrantedLock } from '../../../server/core/locks/lock-view.ts';
import type { RequestsOptions } from '../campaign/requests.ts';
import { invalid } from '../errors.ts';
import type { PendingEdits } from '../sync/pending-edits.ts';
import type { CampaignLock, LockOptions } from '../types.ts';
import { holdLock, type LockCalls } from './held-lock.ts';

/** The locks that this page holds on one campaign. */
export interface CampaignLocks {
  /** @param ended nobody waits for it any more: what is granted then is given up again */
  acquire(path: readonly string[], options: LockOptions, ended: AbortSignal): Promise<CampaignLock>;
}

/** By what they belong to, so that a campaign has them once. */
const known = new WeakMap<PendingEdits, CampaignLocks>();

/** The locks of a campaign; its edits are made under them from then on. */
export function locksOf(options: RequestsOptions): CampaignLocks {
  const present = known.get(options.edits);
  if (present) return present;
  const locks = createCampaignLocks(options);
  known.set(options.edits, locks);
  return locks;
}

function createCampaignLocks({ campaignId, connection, clock, edits }: RequestsOptions): CampaignLocks {
  const held = new Map<string, GrantedLock>();

  edits.locks.of = (command: ChangeCommand): Mutation['lock'] => {
    const tokens = [...held.values()]
      .filter(({ path }) => commandTouches(command, path))
      .map(({ lockId, fence }) => ({ lockId, fence }));
    return tokens.length > 0 ? tokens : undefined;
  };

  return {
    async acquire(path, options, ended) {
      if (!Array.isArray(path) || !path.every((key) => typeof key === 'string'))
        throw invalid(['path'], 'must be a list of keys');
      const { lock } = connection.trpc;
      const calls: LockCalls = {
        acquire: (asked, wait) => lock.acquire.mutate({ campaignId, path: [...path], ...asked, wait }),
        steal: (asked) => lock.steal.mutate({ campaignId, path: [...path], ...asked }),
        renew: (renewed) => lock.renew.mutate({ campaignId, ...renewed }),
        release: (lockId) => lock.release.mutate({ campaignId, lockId }),
        releaseInput: (lockId) => ({ campaignId, lockId }),
      };
      const { granted, ...own } = await holdLock({ connection, clock, calls }, options, ended, (lockId) =>
        held.delete(lockId),
      );
      held.set(granted.lockId, granted);
      return { ...own, path: granted.path };
    },
  };
}
