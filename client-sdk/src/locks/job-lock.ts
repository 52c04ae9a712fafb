import type { Clock } from '../clock.ts';
import type { Connection } from '../link/connection.ts';
import type { JobLock, LockOptions } from '../types.ts';
import { holdLock, type LockCalls } from './held-lock.ts';

/**
 * Locks a job.
 *
 * @param ended nobody waits for it any more: what is granted then is given up again
 */
export async function lockJob(
  connection: Connection,
  clock: Clock,
  name: string,
  options: LockOptions,
  ended: AbortSignal,
): Promise<JobLock> {
  const { lock } = connection.trpc;
  const calls: LockCalls = {
    acquire: (asked, wait) => lock.acquire.mutate({ name, ...asked, wait }),
    steal: (asked) => lock.steal.mutate({ name, ...asked }),
    renew: (renewed) => lock.renew.mutate({ name, ...renewed }),
    release: (lockId) => lock.release.mutate({ name, lockId }),
    releaseInput: (lockId) => ({ name, lockId }),
  };
  const { granted: _, ...own } = await holdLock({ connection, clock, calls }, options, ended);
  return { ...own, name };
}
