import type { Position } from './position.ts';
import type { CampaignState } from '../document/campaign.ts';
import type { Entry, ViewEntry } from './entry.ts';

/**
 * Why a snapshot was sent: the first one; a position too far back for entries; a reader that fell behind; a line of
 * history that did not survive; rights that changed what this caller may see.
 */
export type SnapshotReason = 'start' | 'too-old' | 'slow' | 'reset' | 'view';

/** The whole state; the only thing that may break the contiguity of versions. */
export interface SnapshotEvent {
  type: 'snapshot';
  position: Position;
  durableVersion: number;
  state: CampaignState;
  archivedAt?: number;
  reason: SnapshotReason;
  /** Mutations that were acknowledged and are known not to have survived; informative. */
  lost?: string[];
}

/** Contiguous entries that follow exactly on what this subscriber has seen. */
export interface EntriesEvent {
  type: 'entries';
  epoch: string;
  entries: (Entry | ViewEntry)[];
}

/** All up to here is committed in Postgres; only with `receipts: true`. */
export interface DurableEvent {
  type: 'durable';
  position: Position;
}

/** What `campaign.watch` yields, each wrapped in `tracked(resumeId, event)`. */
export type WatchEvent = SnapshotEvent | EntriesEvent | DurableEvent;
