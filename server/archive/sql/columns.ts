import { memberOf, type DocumentTree } from '../../core/document/document-tree.ts';
import { keptTextOf } from '../../core/document/kept-text.ts';
import type { SealedEntry } from '../../core/stream/log-record.ts';
import type { CampaignCommit } from '../../engine/ports.ts';
import { ArchiveError } from '../errors.ts';

/** Versions between two checkpoints: a state that is stored beside the entries, so that `stateAt` folds few of them. */
export const CHECKPOINT_INTERVAL_VERSIONS = 100;

/** Whether a commit from one version to the other stores a checkpoint: it passes a multiple of the interval. */
export function passesCheckpoint(from: number, to: number): boolean {
  return Math.floor(to / CHECKPOINT_INTERVAL_VERSIONS) > Math.floor(from / CHECKPOINT_INTERVAL_VERSIONS);
}

/** A state as a commit stores it: its text, and the columns of it. */
export interface StoredState {
  readonly text: string;
  readonly title: string;
  readonly status: string | undefined;
}

/** A part of a commit whose state has its text already. */
export interface StoredCommit extends Omit<CampaignCommit, 'state'> {
  readonly state: StoredState;
}

/** The state as it is stored. */
export function toStoredState(state: DocumentTree): StoredState {
  return { text: keptTextOf(state), ...toListColumns(state) };
}

/** The columns that `list` shows and filters by, so that it need not parse documents. */
export function toListColumns(state: DocumentTree): { title: string; status: string | undefined } {
  const [title, status] = [memberOf(state, 'title'), memberOf(state, 'status')];
  return { title: typeof title === 'string' ? title : '', status: typeof status === 'string' ? status : undefined };
}

/**
 * The last entry of a commit's part, after checking that its entries follow the expected version without a gap: a gap
 * must never look durable (G8).
 *
 * @returns `undefined` for a part without entries, which only asks whether the head is still there
 * @throws ArchiveError `data` where there is a gap
 */
export function lastContiguousEntry(part: Omit<CampaignCommit, 'state'>): SealedEntry | undefined {
  const misplaced = part.entries.find((entry, index) => entry.record.version !== part.expected.version + 1 + index);
  if (misplaced) {
    const { version } = misplaced.record;
    throw new ArchiveError(
      'data',
      `${part.campaignId}: version ${version} does not follow version ${part.expected.version} without a gap.`,
    );
  }
  return part.entries.at(-1);
}

/** A sealed entry from its stored bytes and tail; the record is parsed from the bytes. */
export function toSealedEntry(stored: { bytes: string; tail: string }): SealedEntry {
  return { record: JSON.parse(stored.bytes), bytes: stored.bytes, tail: stored.tail };
}
