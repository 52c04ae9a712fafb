import type { CampaignCommit } from '../../engine/ports.ts';
import { toSealedEntry, toStoredState, type StoredCommit, type StoredState } from '../sql/columns.ts';
import { ArchiveError, type ArchiveErrorKind } from '../errors.ts';
import type { KeyedArchive } from '../keyed-archive.ts';

/** The worker's data, given at its start. */
export interface WorkerOptions {
  readonly folder: string;
  readonly namespace: string;
  /** Log memberships that earlier workers of this archive began and did not end: campaign id to generation. */
  readonly memberships: ReadonlyMap<string, number>;
}

/** A method of the port. */
export type ArchiveMethod = keyof KeyedArchive;

/** A call of the port. Its values can be cloned as they are, but for `commit`'s parts: {@link PackedCommit}. */
export interface Request {
  id: number;
  method: ArchiveMethod;
  args: unknown[];
}

/** The answer to a call; with `id` 0, whether the archive could be opened. */
export type Reply = { id: number; ok: true; value: unknown } | { id: number; ok: false; error: PackedError };

/** The `id` of a reply that answers nothing, and says that the thread is at work. */
export const PROGRESS = -1;

/** An error as plain data: a clone of an error loses its class and its own fields. */
export interface PackedError {
  kind: ArchiveErrorKind;
  message: string;
  code: string | undefined;
}

/**
 * A part of a commit as text. Commits are most of this channel's traffic, and the sending thread is the one that serves
 * clients: flat strings are copied, where records and states would be traversed.
 */
export interface PackedCommit extends Pick<CampaignCommit, 'campaignId' | 'expected' | 'archivedAt'> {
  entries: { bytes: string; tail: string }[];
  state: StoredState;
}

export function packCommit({ campaignId, expected, archivedAt, entries, state }: CampaignCommit): PackedCommit {
  return {
    campaignId,
    expected,
    archivedAt,
    entries: entries.map(({ bytes, tail }) => ({ bytes, tail })),
    state: toStoredState(state),
  };
}

/** Characters of a part, about. */
export function charactersOf({ entries, state }: PackedCommit): number {
  return entries.reduce((sum, { bytes }) => sum + bytes.length, state.text.length);
}

export function unpackCommit({ entries, ...part }: PackedCommit): StoredCommit {
  return { ...part, entries: entries.map(toSealedEntry) };
}

export function packError({ kind, message, code }: ArchiveError): PackedError {
  return { kind, message, code };
}

export function unpackError({ kind, message, code }: PackedError): ArchiveError {
  return new ArchiveError(kind, message, { code });
}
