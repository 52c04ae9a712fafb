import type { Position } from '../../server/core/stream/position.ts';
import { createHash } from 'node:crypto';
import type { Command } from '../../server/core/commands/command.ts';
import type { Entry, Receipt } from '../../server/core/stream/entry.ts';
import { canonical } from '../core/naive.ts';

/** An entry as somebody saw it: its content is kept once, however many saw it. */
export interface Seen {
  version: number;
  digest: string;
}

/** A document as it was seen; it is only ever compared. */
export type SeenState = Readonly<Record<string, unknown>>;

/** What a client did or saw with one campaign. */
export type Note =
  | { kind: 'sent'; mutationId: string; command: Command; attempt: number }
  | { kind: 'answered'; mutationId: string; receipt: Receipt }
  /** For good, or for now; then it is sent again. */
  | { kind: 'refused'; mutationId: string; reason: string; final: boolean; message: string }
  | { kind: 'unanswered'; mutationId: string; message: string }
  /** A stream that begins without a position to go on from. */
  | { kind: 'joined' }
  /** A stream goes on after a break, perhaps on another instance, which may have received a lower watermark so far. */
  | { kind: 'resumed' }
  /** `state` is missing where the client shows its own open edits on top of it. */
  | {
      kind: 'snapshot';
      position: Position;
      durableVersion: number;
      reason: string;
      state?: SeenState;
      lost?: readonly string[];
    }
  /** `cut`: older ones came as well, and were not kept. */
  | { kind: 'entries'; epoch: string; entries: readonly Seen[]; cut?: true }
  | { kind: 'watermark'; position: Position }
  /** What Postgres held at some moment after `askedAt`, asked directly. */
  | { kind: 'held'; epoch: string; version: number; askedAt: number }
  /** What the client shows in the end, all of its own edits being saved. */
  | { kind: 'final'; position: Position; state: SeenState }
  /** Where the position of a lost mutation is asked for: whether the service answers that it is lost. */
  | { kind: 'disowned'; mutationId: string; position: Position; reason: string };

export type ClientLine = Note & { at: number; client: string; campaignId: string };
export type FaultLine = {
  kind: 'fault';
  at: number;
  name: string;
  phase: 'begins' | 'ends';
  detail: string;
  losesLog: boolean;
};
export type Line = ClientLine | FaultLine;

/**
 * Everything that happened, in the order in which it happened in this process; times in milliseconds since the start,
 * no two alike.
 */
export interface Journal {
  readonly lines: Line[];
  readonly contents: ReadonlyMap<string, Entry>;
  now(): number;
  note(client: string, campaignId: string, note: Note): void;
  fault(name: string, phase: FaultLine['phase'], detail: string, losesLog: boolean): void;
  /** Keeps an entry's content, and gives its digest. */
  see(entry: Entry): Seen;
}

export function createJournal(): Journal {
  const lines: Line[] = [];
  const contents = new Map<string, Entry>();
  const startedAt = performance.now();
  let last = 0;
  const now = (): number => (last = Math.max(performance.now() - startedAt, last + 0.001));
  return {
    lines,
    contents,
    now,
    note: (client, campaignId, note) => void lines.push({ ...note, at: now(), client, campaignId }),
    fault: (name, phase, detail, losesLog) =>
      void lines.push({ kind: 'fault', at: now(), name, phase, detail, losesLog }),
    see(entry) {
      const digest = digestOf(entry);
      if (!contents.has(digest)) contents.set(digest, entry);
      return { version: entry.version, digest };
    },
  };
}

export function digestOf(value: unknown): string {
  return createHash('sha256').update(canonical(value)).digest('base64url').slice(0, 22);
}

/** A line as it is printed beside a violation. */
export function show(line: Line): string {
  const { at, ...rest } = line;
  const text = JSON.stringify(rest, (key, value: unknown) => (key === 'state' || key === 'command' ? '…' : value));
  return `${(at / 1_000).toFixed(3).padStart(9)} s  ${text}`;
}
