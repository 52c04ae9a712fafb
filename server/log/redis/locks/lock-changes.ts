import { applyLockChange, type LockChange, type LockTable } from '../../../core/locks/lock-table.ts';
import type { LockOutcome } from '../../../engine/ports.ts';
import type { CampaignKeys } from '../keys.ts';
import { afterPublication, lockArguments, toLockReading, type LockPublication } from '../replies/lock-rows.ts';
import { asList, asVersion, UnexpectedReplyError } from '../replies/values.ts';
import type { RunScript } from '../run-script.ts';

/** One lock table in Redis, and this instance's copy of it. */
export interface LockTableCopy {
  readonly key: string;
  readonly channel: CampaignKeys['channel'];
  /** Zero for the table of jobs, which has none. */
  readonly generation: number;
  /** The newest table that was received. */
  table(): LockTable;
  /** Takes a table over where it is newer, and tells whom it concerns. */
  publish(table: LockTable): void;
  /** Reads the table, and publishes it. */
  read(): Promise<void>;
}

/**
 * Changes a lock table.
 *
 * @param script `LOCKS` or `JOB_LOCKS`
 */
export async function changeLockTable(
  run: RunScript,
  script: string,
  copy: LockTableCopy,
  change: LockChange,
): Promise<LockOutcome> {
  const args = lockArguments(change, copy.generation, copy.channel);
  const [kind, detail] = asList('LOCKS', await run(script, [copy.key], args));
  switch (kind) {
    case 'lost':
      return { kind: 'lost' };
    case 'stale': {
      const reading = toLockReading('LOCKS', detail);
      copy.publish(reading.table);
      return { kind: 'stale', reading };
    }
    case 'changed': {
      const now = asVersion('LOCKS', detail);
      const { revision } = copy.table();
      // The publication may have come before the answer.
      if (revision === change.condition.revision) copy.publish(applyLockChange(copy.table(), change, now));
      else if (revision < change.condition.revision) await copy.read();
      return { kind: 'changed', reading: { table: copy.table(), now } };
    }
    default:
      throw new UnexpectedReplyError('LOCKS', kind);
  }
}

/** Takes over what a publication says; where one before it was missed, the table is read. */
export async function receiveLockTable(copy: LockTableCopy, publication: LockPublication): Promise<void> {
  // While a campaign is being opened its table is on its way; after that the next check looks.
  if (publication.generation !== copy.generation || publication.to <= copy.table().revision) return;
  const table = afterPublication(copy.table(), publication);
  if (table) copy.publish(table);
  else await copy.read();
}
