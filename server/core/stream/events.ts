import type { Position } from './position.ts';
import type { CampaignState } from '../document/campaign.ts';
import type { PresenceEvent } from '../presence/presence.ts';
import type { Entry, ViewEntry } from './entry.ts';
import type { Assignments } from '../targeting/evaluate.ts';

/**
 * Reason for a snapshot: the first one; a position too far back for entries; a reader that fell behind; a timeline that
 * was forked; rights that changed what this caller may see.
 */
export type SnapshotReason = 'start' | 'too-old' | 'slow' | 'reset' | 'view';

/** The whole state. The only event that may break the contiguity of versions. */
export interface SnapshotEvent {
  type: 'snapshot';
  position: Position;
  durableVersion: number;
  state: CampaignState;
  archivedAt?: number;
  reason: SnapshotReason;
  /** What the viewer is told of the rules, where it sees the resolved document of a campaign that has any targeting. */
  assignments?: Assignments;
  /** Ids of mutations that were acknowledged and are known to be lost; informative. */
  lost?: string[];
  /** The server that this one relays is away: there may be newer changes. An event without it says that it is back. */
  stale?: true;
}

/** Contiguous entries that follow exactly on what this subscriber has seen. */
export interface EntriesEvent {
  type: 'entries';
  epoch: string;
  entries: (Entry | ViewEntry)[];
  /** As in {@link SnapshotEvent}; said, or taken back, by an event without entries where there are none. */
  stale?: true;
}

/** Watermark: everything up to that position is committed in Postgres. Only with `receipts: true`. */
export interface DurableEvent {
  type: 'durable';
  position: Position;
}

/** Who is here, as `presence.watch` tells it: everything first, then what changes. Only with `presence: true`. */
export interface PresenceWatchEvent {
  type: 'presence';
  presence: PresenceEvent;
}

/** Event of `campaign.watch`; each is wrapped in `tracked(resumeId, event)`. */
export type WatchEvent = SnapshotEvent | EntriesEvent | DurableEvent;
