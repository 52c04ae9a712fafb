import type { JsonObject } from '../../core/json.ts';
import type { CampaignCommit, SealedEntry } from '../../engine/ports.ts';
import { ArchiveError } from '../errors.ts';

/**
 * A state is stored beside the entries whenever a commit passes a multiple of this, so that `stateAt` folds few of
 * them.
 */
export const CHECKPOINT_INTERVAL = 100;

/** Whether the state after a commit that leads from one version to the other becomes a checkpoint. */
export function reachesCheckpoint(from: number, to: number): boolean {
  return Math.floor(to / CHECKPOINT_INTERVAL) > Math.floor(from / CHECKPOINT_INTERVAL);
}

/** What `list` shows and filters by, beside the document, so that no row of it needs to be parsed. */
export function listed(state: JsonObject): { title: string; status: string | undefined } {
  const { title, status } = state;
  return { title: typeof title === 'string' ? title : '', status: typeof status === 'string' ? status : undefined };
}

/**
 * The last entry of a part, once it is sure that its entries follow on its expected version without a hole: what has a
 * hole must never look durable (G8).
 *
 * @returns `undefined` for a part without entries, which only asks whether the head is still there
 */
export function lastEntry(part: CampaignCommit): SealedEntry | undefined {
  const wrong = part.entries.find((entry, index) => entry.record.version !== part.expected.version + 1 + index);
  if (wrong) {
    const { version } = wrong.record;
    throw new ArchiveError(
      'data',
      `${part.campaignId}: version ${version} does not follow on version ${part.expected.version} without a hole.`,
    );
  }
  return part.entries.at(-1);
}

/** A stored entry is its bytes and its tail; the record is read from the bytes. */
export function toSealedEntry(stored: { bytes: string; tail: string }): SealedEntry {
  return { record: JSON.parse(stored.bytes), bytes: stored.bytes, tail: stored.tail };
}
