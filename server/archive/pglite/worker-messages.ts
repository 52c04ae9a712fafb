import type { Archive, CampaignCommit } from '../../engine/ports.ts';
import { toSealedEntry } from '../sql/columns.ts';
import { ArchiveError, type ArchiveErrorKind } from '../errors.ts';

/** What the worker is given at its start. */
export interface WorkerOptions {
  folder: string;
  namespace: string;
  /** Memberships that earlier threads of this archive took and did not leave: campaign id to generation. */
  memberships: ReadonlyMap<string, number>;
}

export type ArchiveMethod = keyof Archive;

/**
 * One call of the port. The values of the port can be cloned as they are, `commit`'s parts go as {@link PackedCommit}s.
 */
export interface Request {
  id: number;
  method: ArchiveMethod;
  args: unknown[];
}

/** The answer to a call, or with `id` 0 whether the archive could be opened. */
export type Reply = { id: number; ok: true; value: unknown } | { id: number; ok: false; error: PackedError };

/** Errors cross threads as plain data: a clone of an error loses its class and its own fields. */
export interface PackedError {
  kind: ArchiveErrorKind;
  message: string;
  code: string | undefined;
}

/**
 * A part of a commit as text. Commits are the traffic of this channel, and the thread that sends them is the one that
 * serves: flat strings are copied, where records and states would be walked.
 */
export interface PackedCommit extends Pick<CampaignCommit, 'campaignId' | 'expected' | 'archivedAt'> {
  entries: { bytes: string; tail: string }[];
  state: string;
}

export function packCommit({ campaignId, expected, archivedAt, entries, state }: CampaignCommit): PackedCommit {
  return {
    campaignId,
    expected,
    archivedAt,
    entries: entries.map(({ bytes, tail }) => ({ bytes, tail })),
    state: JSON.stringify(state),
  };
}

export function unpackCommit({ entries, state, ...part }: PackedCommit): CampaignCommit {
  return { ...part, entries: entries.map(toSealedEntry), state: JSON.parse(state) };
}

export function packError({ kind, message, code }: ArchiveError): PackedError {
  return { kind, message, code };
}

export function unpackError({ kind, message, code }: PackedError): ArchiveError {
  return new ArchiveError(kind, message, { code });
}
