import { apply, type CampaignContent } from '../../../server/core/stream/apply.ts';
import type { CampaignState } from '../../../server/core/document/campaign.ts';
import type { Assignments } from '../../../server/core/targeting/evaluate.ts';
import type { Entry, ViewEntry } from '../../../server/core/stream/entry.ts';
import type { JsonObject } from '../../../server/core/json.ts';
import { formatPosition, parsePosition, type Position } from '../../../server/core/stream/position.ts';
import { deepFreeze } from '../frozen.ts';
import type { DurableEvent, EntriesEvent, SnapshotEvent, WatchEvent } from '../../../server/core/stream/events.ts';

/** The confirmed state of one campaign: the fold of what the stream has sent so far, and nothing else. */
export interface Mirror {
  readonly epoch: string;
  readonly version: number;
  /** The watermark on this mirror's timeline: it never falls while the timeline is the same. */
  readonly durableVersion: number;
  readonly content: CampaignContent;
  /**
   * The newest entries since the last snapshot, oldest first: contiguous, and no more than {@link MAX_RECENT_ENTRIES}.
   */
  readonly recent: readonly (Entry | ViewEntry)[];
  /** What the viewer was told of the rules; absent where the campaign has none, or is seen as it is. */
  readonly assignments?: Assignments | undefined;
}

/** Enough for an open history to be continued live. */
const MAX_RECENT_ENTRIES = 100;

/** The mirror after an event, or that entries are missing before it. */
export type Folded = { kind: 'folded'; mirror: Mirror; entries: readonly (Entry | ViewEntry)[] } | { kind: 'gap' };

export function positionOf(mirror: Mirror): Position {
  return formatPosition(mirror.epoch, mirror.version);
}

/**
 * The mirror one event of the stream later (G1, G6). A snapshot replaces everything; entries must follow exactly on
 * what is here, and a gap is refused; a watermark moves forward only.
 */
export function fold(mirror: Mirror | undefined, event: WatchEvent): Folded {
  switch (event.type) {
    case 'snapshot':
      return foldSnapshot(mirror, event);
    case 'entries':
      return mirror ? foldEntries(mirror, event) : { kind: 'gap' };
    case 'durable':
      return mirror ? { kind: 'folded', mirror: foldDurable(mirror, event), entries: [] } : { kind: 'gap' };
  }
}

function foldSnapshot(mirror: Mirror | undefined, event: SnapshotEvent): Folded {
  const position = parsePosition(event.position);
  if (!position) return { kind: 'gap' };
  const before = mirror?.epoch === position.epoch ? mirror.durableVersion : 0;
  return {
    kind: 'folded',
    mirror: {
      epoch: position.epoch,
      version: position.version,
      durableVersion: Math.max(before, event.durableVersion),
      content: { state: documentOf(event.state), archivedAt: event.archivedAt },
      recent: [],
      assignments: event.assignments,
    },
    entries: [],
  };
}

/**
 * Entries of another epoch that follow on our version are an answer to a resume: the server has checked that our
 * position is on the current timeline, which goes on under that epoch.
 */
function foldEntries(mirror: Mirror, event: EntriesEvent): Folded {
  // Frozen, for the app is shown them, and what they bring is shared with the state.
  const fresh = event.entries.filter((entry) => entry.version > mirror.version).map(deepFreeze);
  let { content, version, assignments } = mirror;
  for (const entry of fresh) {
    if (entry.version !== version + 1) return { kind: 'gap' };
    content = apply(content, entry);
    version = entry.version;
    if ('assignments' in entry) assignments = entry.assignments;
  }
  const recent = Object.freeze([...mirror.recent, ...fresh].slice(-MAX_RECENT_ENTRIES));
  const moved = { ...mirror, epoch: event.epoch, version, content, recent, assignments };
  return { kind: 'folded', mirror: moved, entries: fresh };
}

/** Likewise a watermark of another epoch: the server resumed us there, and there has been no entry since. */
function foldDurable(mirror: Mirror, event: DurableEvent): Mirror {
  const position = parsePosition(event.position);
  if (!position || (position.epoch === mirror.epoch && position.version <= mirror.durableVersion)) return mirror;
  return { ...mirror, epoch: position.epoch, durableVersion: Math.max(mirror.durableVersion, position.version) };
}

/** The document as JSON. The one place of this cast: it came as JSON, and `CampaignState` types only parts of it. */
export function documentOf(state: CampaignState): JsonObject {
  return state as unknown as JsonObject;
}
