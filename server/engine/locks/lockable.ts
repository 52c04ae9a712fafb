import { asError, RefusalError } from '../../core/errors.ts';
import { JOBS, type LockChange, type LockTable } from '../../core/locks/lock-table.ts';
import { takeLocks, type LiveCampaign } from '../campaign/live-campaign.ts';
import type { CampaignHost } from '../hosting/campaign-host.ts';
import type { LockOutcome, OrderedLog } from '../ports.ts';

/** What has a lock table: a campaign, or the jobs of the namespace under {@link JOBS}. */
export type Lockable = Pick<LiveCampaign, 'id' | 'locks'> & Partial<Pick<LiveCampaign, 'gone'>>;

/** Everything that has a lock table, by id. */
export interface Lockables {
  /** @throws RefusalError `NOT_FOUND` where there is no such campaign; `UNAVAILABLE` where the log does not answer */
  find(id: string): Promise<Lockable>;
  /** Has the log change a table. */
  change(id: string, change: LockChange): Promise<LockOutcome>;
  /** What the log has lost is recovered. */
  recover(id: string): Promise<void>;
}

export interface LockablesOptions {
  readonly hosting: Pick<CampaignHost, 'host' | 'reload'>;
  readonly log: OrderedLog;
  /** The table of jobs is another one. */
  onChange(jobs: Lockable): void;
}

/** Creates the two kinds: campaigns, which are loaded, and jobs, whose table is read when it is first asked for. */
export function createLockables({ hosting, log, onChange }: LockablesOptions): Lockables {
  const jobs: { readonly id: string; locks: LockTable } = { id: JOBS, locks: { revision: 0, rows: [] } };
  const onTable = (table: LockTable): void => {
    if (takeLocks(jobs, table)) onChange(jobs);
  };
  log.jobLocks.onTable(onTable);

  return {
    async find(id) {
      if (id !== JOBS) return (await hosting.host(id).loaded).live;
      if (jobs.locks.revision > 0) return jobs;
      const { reading } = await log.jobLocks
        .change({ condition: { revision: 0 }, set: [], removed: [] })
        .catch((cause: unknown) => {
          throw new RefusalError('UNAVAILABLE', `jobs: ${asError(cause).message}`, { retryAfterMs: 1_000 });
        });
      onTable(reading.table);
      return jobs;
    },
    change: (id, change) => (id === JOBS ? log.jobLocks.change(change) : log.changeLocks(id, change)),
    async recover(id) {
      if (id !== JOBS) await hosting.reload(await hosting.host(id).loaded);
    },
  };
}
