import type { HistoryBase, StoredHistory } from '../core/history-store.ts';
import type { Head } from '../core/stream/log-record.ts';
import type { Fork } from '../core/stream/position.ts';
import type { ProvenRedaction } from '../core/stream/redaction.ts';

/**
 * The format of the lines that this version writes (`docs/snapshots.md`). Readers skip members and types of lines that
 * they do not know, so that a format gets another number only where a reader that skips would restore something wrong.
 */
export const SNAPSHOT_FORMAT = 1;

/** The format of files that hold only what has changed since another one: nobody reads them without it. */
export const INCREMENT_FORMAT = 2;

/** The first line. */
export interface SnapshotLine {
  readonly type: 'snapshot';
  readonly format: number;
  /** A random token: names this snapshot. */
  readonly id: string;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  /** Version of the server that wrote it. */
  readonly server: string;
  /** What there was at the beginning: about what will follow. */
  readonly campaigns: number;
  readonly entries: number;
  /** The snapshot before it, of an increment: the file holds what has changed since. */
  readonly follows?: FollowedSnapshot | undefined;
}

/** The snapshot that an increment goes on from. */
export interface FollowedSnapshot {
  readonly id: string;
  /** The name of its file, in the same folder. */
  readonly file: string;
}

/** A campaign, as of one moment. Its entries follow, from version 1, or behind its base, to that of the head. */
export interface CampaignLine {
  readonly type: 'campaign';
  readonly campaignId: string;
  readonly head: Head;
  readonly createdAt: number;
  readonly archivedAt?: number;
  readonly updatedAt: number;
  readonly updatedBy: string;
  readonly lineage: readonly Fork[];
  /** Generation of its log membership at that moment. */
  readonly generation: number;
  /**
   * In an increment: where it stood in the file before. The entries follow from there on. Missing where that file does
   * not have it, or has another history: then all of them follow.
   */
  readonly from?: { readonly version: number; readonly tail: string };
  /** What its entries go on from, where older ones were compacted away. */
  readonly base?: {
    readonly version: number;
    readonly tail: string;
    readonly archivedAt?: number;
    readonly updatedAt: number;
    readonly updatedBy: string;
    readonly state: unknown;
  };
  /** What was redacted of its entries: of those that stand here, or in the files before, as they were, too. */
  readonly redactions?: readonly ProvenRedaction[];
  /** The state at the head. */
  readonly state: unknown;
}

/** An entry of the last campaign. */
export interface EntryLine {
  readonly type: 'entry';
  /** The record, byte by byte as it was logged. */
  readonly bytes: string;
  readonly tail: string;
  /** Present where an earlier entry of the campaign has this mutation id. */
  readonly repeatsId?: true;
}

/** What came of the last campaign does not count: it was replaced while it was read, and comes again. */
export interface DroppedLine {
  readonly type: 'dropped';
  readonly campaignId: string;
}

/** A campaign is not in this file, because its rows do not fit together. */
export interface DamagedLine {
  readonly type: 'damaged';
  readonly campaignId: string;
  /** What does not fit, as one sentence. */
  readonly problem: string;
}

/** In an increment: a campaign of the file before is there no longer. */
export interface RemovedLine {
  readonly type: 'removed';
  readonly campaignId: string;
}

/** The last line: nothing follows it. */
export interface EndLine {
  readonly type: 'end';
  /** What this file holds. */
  readonly campaigns: number;
  readonly entries: number;
  readonly damaged: number;
}

export type Line = SnapshotLine | CampaignLine | EntryLine | DroppedLine | DamagedLine | RemovedLine | EndLine;

/**
 * The line of a campaign. Its state is put in as the text that it is kept as.
 *
 * @param from where it stood in the file before, if its entries go on from there
 */
export function campaignLine(
  { campaignId, head, state, archivedAt, base, ...history }: StoredHistory,
  from?: CampaignLine['from'],
): string {
  const { createdAt, updatedAt, updatedBy, lineage, generation, redactions } = history;
  const line: Omit<CampaignLine, 'state' | 'base'> = {
    type: 'campaign',
    campaignId,
    head,
    createdAt,
    ...(archivedAt !== undefined && { archivedAt }),
    updatedAt,
    updatedBy,
    lineage,
    generation,
    ...(redactions && { redactions }),
    ...(from && { from: { version: from.version, tail: from.tail } }),
  };
  return `${JSON.stringify(line).slice(0, -1)}${base ? `,"base":${baseText(base)}` : ''},"state":${state}}`;
}

function baseText({ version, tail, archivedAt, updatedAt, updatedBy, state }: HistoryBase): string {
  const line = { version, tail, ...(archivedAt !== undefined && { archivedAt }), updatedAt, updatedBy };
  return `${JSON.stringify(line).slice(0, -1)},"state":${state}}`;
}

export function lineOf(line: Exclude<Line, CampaignLine>): string {
  return JSON.stringify(line);
}
