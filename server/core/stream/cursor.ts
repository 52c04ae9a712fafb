import type { SnapshotReason } from './events.ts';
import { formatPosition, parsePosition, lastSharedVersion, type Fork } from './position.ts';

/**
 * Cursor of a subscriber: how far it has been sent the stream. It holds no queue: what the subscriber has not seen yet
 * is in the campaign's ring, so that a slow reader costs no memory of its own, and whatever is sent next follows
 * exactly on what was seen (G1).
 */
export type Cursor =
  /**
   * Has seen nothing under its present rights. `resume`: the position of an earlier stream; `reason`: that of the
   * snapshot, if one is due.
   */
  | { phase: 'joining'; resume?: { epoch: string; version: number }; reason: SnapshotReason }
  /** Has seen everything up to `version` of `epoch`, and the watermark `durable`; `stale`: that it may be old. */
  | { phase: 'live'; epoch: string; version: number; durable: number; stale?: boolean }
  | { phase: 'closed' };

/** What a cursor advances along: the campaign's head, and how far back its ring reaches. */
export interface Timeline {
  readonly epoch: string;
  readonly version: number;
  readonly lineage: readonly Fork[];
  /** The ring holds the entries after this version. */
  readonly ringFloor: number;
  readonly durableVersion: number;
  /** Whether the head may be old, because the server that it comes from is away. */
  readonly stale?: boolean;
}

export interface ReaderState {
  /** Whether the socket was under backpressure since the last event: only then lag counts. */
  readonly lagging: boolean;
  /** `CAMPAIGN_SUBSCRIBER_BUFFER`: how many entries a lagging reader may be behind. */
  readonly buffer: number;
  /** Whether this reader wants the watermark. */
  readonly receipts: boolean;
}

/** What is sent next, and the cursor after it. */
export type Step =
  | { kind: 'snapshot'; reason: SnapshotReason; cursor: Cursor }
  /** Entries after `after`, up to `until`, or to the head without it; the cursor has passed them. */
  | { kind: 'entries'; after: number; until?: number; cursor: Cursor }
  | { kind: 'durable'; version: number; cursor: Cursor }
  /** Nothing to send. */
  | { kind: 'idle'; cursor: Cursor };

/** Cursor of a new subscriber, or of one that resumes after the event with that id. */
export function joining(lastEventId: string | undefined, viewKey: string): Cursor {
  if (lastEventId === undefined) return { phase: 'joining', reason: 'start' };
  const resume = parseResumeId(lastEventId);
  if (!resume) return { phase: 'joining', reason: 'too-old' };
  if (resume.viewKey !== viewKey) return { phase: 'joining', reason: 'view' };
  return { phase: 'joining', resume, reason: 'too-old' };
}

/** Step that this subscriber is due: the next event it must be sent. */
export function step(cursor: Cursor, timeline: Timeline, reader: ReaderState): Step {
  if (cursor.phase === 'closed') return { kind: 'idle', cursor };
  const head: Cursor = {
    phase: 'live',
    epoch: timeline.epoch,
    version: timeline.version,
    durable: timeline.durableVersion,
    ...(timeline.stale === true && { stale: true }),
  };
  const from = cursor.phase === 'live' ? cursor : cursor.resume;
  if (!from) return { kind: 'snapshot', reason: cursor.phase === 'joining' ? cursor.reason : 'reset', cursor: head };

  // A cursor or a resume id on a timeline that was forked before its version: a reset, and the snapshot says so.
  const bound = lastSharedVersion(from.epoch, timeline, timeline.lineage);
  if (bound === undefined || from.version > bound) return { kind: 'snapshot', reason: 'reset', cursor: head };

  const missing = timeline.version - from.version;
  if (reader.lagging && missing > reader.buffer) return { kind: 'snapshot', reason: 'slow', cursor: head };
  if (from.version < timeline.ringFloor) {
    return { kind: 'snapshot', reason: cursor.phase === 'joining' ? cursor.reason : 'slow', cursor: head };
  }
  const durable = cursor.phase === 'live' && cursor.epoch === timeline.epoch ? cursor.durable : -1;
  const live: Cursor = { ...head, durable };
  // A resume that missed nothing is answered too: an empty list says that the stream continues here.
  if (missing > 0 || cursor.phase === 'joining' || cursor.epoch !== timeline.epoch || !isAsStale(cursor, timeline))
    return { kind: 'entries', after: from.version, cursor: live };
  if (reader.receipts && timeline.durableVersion > cursor.durable) {
    return { kind: 'durable', version: timeline.durableVersion, cursor: { ...live, durable: timeline.durableVersion } };
  }
  return { kind: 'idle', cursor };
}

/** Whether the reader knows what it has to know about the age of what it sees. */
function isAsStale(cursor: Extract<Cursor, { phase: 'live' }>, timeline: Timeline): boolean {
  return (cursor.stale === true) === (timeline.stale === true);
}

/** Resume id of a stream: the position, and the view where it is restricted. Opaque to clients. */
export function formatResumeId(epoch: string, version: number, viewKey: string): string {
  const position = formatPosition(epoch, version);
  return viewKey === '' ? position : `${position}.${viewKey}`;
}

/** Parses a resume id; `undefined` for anything else. */
export function parseResumeId(text: string): { epoch: string; version: number; viewKey: string } | undefined {
  const dot = text.indexOf('.');
  const position = parsePosition(dot < 0 ? text : text.slice(0, dot));
  return position && { ...position, viewKey: dot < 0 ? '' : text.slice(dot + 1) };
}
