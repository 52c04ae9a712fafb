import type { SnapshotReason } from './events.ts';
import { formatPosition, parsePosition, lastSharedVersion, type Fork } from './position.ts';

/**
 * Where a subscriber stands. It holds no queue: what it has not seen yet is in the campaign's ring, so that a slow
 * reader costs no memory of its own, and whatever is sent next follows exactly on what was seen (G1).
 */
export type Cursor =
  /**
   * Has seen nothing under its present rights. `resume`: where it stood before; `reason`: why the snapshot, if one is
   * due.
   */
  | { phase: 'joining'; resume?: { epoch: string; version: number }; reason: SnapshotReason }
  /** Has seen everything up to `version` of `epoch`, and the watermark `durable`. */
  | { phase: 'live'; epoch: string; version: number; durable: number }
  | { phase: 'closed' };

/** What the cursor is moved along: the campaign's head, and how far back its ring reaches. */
export interface Line {
  epoch: string;
  version: number;
  lineage: readonly Fork[];
  /** Entries after this version can be had. */
  ringFloor: number;
  durableVersion: number;
}

export interface ReaderState {
  /** Whether the socket was congested since the last event: only then lag counts. */
  lagging: boolean;
  /** `CAMPAIGN_SUBSCRIBER_BUFFER`: how many entries a lagging reader may be behind. */
  buffer: number;
  /** Whether this reader wants the watermark. */
  receipts: boolean;
}

export type Step =
  | { kind: 'snapshot'; reason: SnapshotReason; cursor: Cursor }
  /** Entries after `after`, up to the head; the cursor has passed them. */
  | { kind: 'entries'; after: number; cursor: Cursor }
  | { kind: 'durable'; version: number; cursor: Cursor }
  /** Nothing to send; the cursor may still have become live. */
  | { kind: 'idle'; cursor: Cursor };

/** A subscriber that has not seen anything yet, or that comes back with the id of its last event. */
export function joining(lastEventId: string | undefined, viewKey: string): Cursor {
  if (lastEventId === undefined) return { phase: 'joining', reason: 'start' };
  const resume = parseResumeId(lastEventId);
  if (!resume) return { phase: 'joining', reason: 'too-old' };
  if (resume.viewKey !== viewKey) return { phase: 'joining', reason: 'view' };
  return { phase: 'joining', resume, reason: 'too-old' };
}

/** The next thing that this subscriber must be sent. */
export function step(cursor: Cursor, line: Line, reader: ReaderState): Step {
  if (cursor.phase === 'closed') return { kind: 'idle', cursor };
  const head: Cursor = { phase: 'live', epoch: line.epoch, version: line.version, durable: line.durableVersion };
  const from = cursor.phase === 'live' ? cursor : cursor.resume;
  if (!from) return { kind: 'snapshot', reason: cursor.phase === 'joining' ? cursor.reason : 'reset', cursor: head };

  // A live cursor of another epoch, and a resume on a line that did not survive: both are breaks, and are said to be.
  const bound = lastSharedVersion(from.epoch, line, line.lineage);
  if (bound === undefined || from.version > bound) return { kind: 'snapshot', reason: 'reset', cursor: head };

  const missing = line.version - from.version;
  if (reader.lagging && missing > reader.buffer) return { kind: 'snapshot', reason: 'slow', cursor: head };
  if (from.version < line.ringFloor) {
    return { kind: 'snapshot', reason: cursor.phase === 'joining' ? cursor.reason : 'slow', cursor: head };
  }
  const durable = cursor.phase === 'live' && cursor.epoch === line.epoch ? cursor.durable : -1;
  const live: Cursor = { phase: 'live', epoch: line.epoch, version: line.version, durable };
  // A resume that misses nothing is answered too: an empty list says that the stream goes on here.
  if (missing > 0 || cursor.phase === 'joining' || cursor.epoch !== line.epoch)
    return { kind: 'entries', after: from.version, cursor: live };
  if (reader.receipts && line.durableVersion > cursor.durable) {
    return { kind: 'durable', version: line.durableVersion, cursor: { ...live, durable: line.durableVersion } };
  }
  return { kind: 'idle', cursor };
}

/** The id from which a stream goes on: the position, and the view where it is restricted. Opaque to clients. */
export function formatResumeId(epoch: string, version: number, viewKey: string): string {
  const position = formatPosition(epoch, version);
  return viewKey === '' ? position : `${position}.${viewKey}`;
}

/** Reads a resume id; `undefined` for anything else. */
export function parseResumeId(text: string): { epoch: string; version: number; viewKey: string } | undefined {
  const dot = text.indexOf('.');
  const position = parsePosition(dot < 0 ? text : text.slice(0, dot));
  return position && { ...position, viewKey: dot < 0 ? '' : text.slice(dot + 1) };
}
