import type { LockChange, LockTable } from '../../../core/locks/lock-table.ts';
import type { JobLocks, LockOutcome } from '../../../engine/ports.ts';
import type { ChannelSubscriber } from '../channel-subscriber.ts';
import { jobLockKeys } from '../keys.ts';
import { changeLockTable, receiveLockTable, type LockTableCopy } from './lock-changes.ts';
import type { LockPublication } from '../replies/lock-rows.ts';
import { UnexpectedReplyError } from '../replies/values.ts';
import type { RunScript } from '../run-script.ts';
import { JOB_LOCKS } from '../scripts/locks.ts';

export interface JobLocksOptions {
  readonly namespace: string;
  readonly database: number;
  readonly run: RunScript;
  readonly subscriber: Pick<ChannelSubscriber, 'subscribe'>;
}

/** The lock table of jobs as this instance knows it. */
export interface RedisJobLocks {
  readonly locks: JobLocks;
  /** The channel of the table, once it has been asked for. */
  channels(): readonly string[];
  receive(publication: LockPublication): Promise<void>;
  /** Finds out what was missed: publications, or the end of the table. */
  check(): Promise<void>;
}

/** Creates this instance's copy of the table; nothing is read or subscribed to before it is first asked for. */
export function createJobLocks({ namespace, database, run, subscriber }: JobLocksOptions): RedisJobLocks {
  const { table: key, channel } = jobLockKeys(namespace, database);
  let table: LockTable = { revision: 0, rows: [] };
  let isUsed = false;
  let onTable: (table: LockTable) => void = () => undefined;

  /** A change without rows is answered with the table where it has become another one. */
  const confirm = async (): Promise<void> => {
    await perform({ condition: { revision: table.revision }, set: [], removed: [] });
  };

  const copy: LockTableCopy = {
    key,
    channel,
    generation: 0,
    table: () => table,
    publish(next) {
      if (next.revision <= table.revision) return;
      table = next;
      onTable(table);
    },
    read: confirm,
  };

  const perform = async (change: LockChange): Promise<Exclude<LockOutcome, { kind: 'lost' }>> => {
    const outcome = await changeLockTable(run, JOB_LOCKS, copy, change);
    if (outcome.kind === 'lost') throw new UnexpectedReplyError('JOB_LOCKS', outcome.kind);
    return outcome;
  };

  return {
    locks: {
      async change(change) {
        // Subscribe first: what is changed after that is heard.
        if (!isUsed) await subscriber.subscribe(channel);
        isUsed = true;
        return perform(change);
      },
      onTable(listener) {
        onTable = listener;
      },
    },
    channels: () => (isUsed ? [channel] : []),
    receive: (publication) => receiveLockTable(copy, publication),
    check: () => (isUsed ? confirm() : Promise.resolve()),
  };
}
