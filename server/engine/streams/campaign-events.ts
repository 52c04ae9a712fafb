import { asCampaign } from '../../core/document/campaign.ts';
import { plainOf, type DocumentTree } from '../../core/document/document-tree.ts';
import { treeOf } from '../../core/stream/apply.ts';
import { projectStep, type Audience, type Projector } from '../../core/stream/audience.ts';
import { formatResumeId, type Step } from '../../core/stream/cursor.ts';
import type { Entry, ViewEntry } from '../../core/stream/entry.ts';
import { formatPosition } from '../../core/stream/position.ts';
import { showsActors } from '../../core/stream/views.ts';
import type { LiveCampaign } from '../campaign/live-campaign.ts';
import type { ResumableEvent } from '../service.ts';

/** The events of one campaign. Readers that are to be sent the same get the same object, so that it is encoded once. */
export interface CampaignEvents {
  /**
   * @param from what the reader has seen until now
   * @param to what it sees after the event: another audience only for a snapshot, and for a single entry
   */
  make(step: EventStep, from: Audience, to: Audience): ResumableEvent;
  /** Entries were redacted: nothing that was made of them is made again. */
  forget(): void;
  /** Names the acknowledged mutations that a fork has lost; from now on `reset` snapshots carry them. */
  setLost(mutationIds: readonly string[]): void;
}

/** A step of a cursor that yields an event. `until`: the version up to which entries are sent; the head by default. */
export type EventStep = Exclude<Step, { kind: 'idle' }>;

/**
 * Different events of one head that are kept: about one for each version that reconnecting readers resume from, and one
 * for each cohort that an edit of the rules moves somewhere else.
 */
const CACHED_EVENTS = 1_024;

/** Versions whose projections are kept, for all audiences: an entry is the difference between the newest two. */
const PROJECTED_VERSIONS = 3;

/**
 * @param persistent whether entries become durable at all; without persistence the watermark says nothing about the
 *   disk, and is sent as 0
 */
export function createCampaignEvents(live: LiveCampaign, projector: Projector, persistent: boolean): CampaignEvents {
  const cache = new Map<string, ResumableEvent>();
  const projections = new Map<DocumentTree, Map<string, DocumentTree>>();
  /** The head and watermark that the cached events belong to. */
  let cachedFor = '';
  let lost: readonly string[] = [];

  const project = (audience: Audience, document: DocumentTree): DocumentTree => {
    const byKey = projections.get(document) ?? new Map<string, DocumentTree>();
    projections.delete(document);
    projections.set(document, byKey);
    for (const old of projections.keys()) {
      if (projections.size <= PROJECTED_VERSIONS) break;
      projections.delete(old);
    }
    const known = byKey.get(audience.key);
    if (known) return known;
    const projected = projector.project(audience, document);
    byKey.set(audience.key, projected);
    return projected;
  };

  /** The document at a version whose entry is shown as a difference; the subscriber has seen to that it is kept. */
  const documentAt = (version: number): DocumentTree => {
    const document = live.trees.document(version);
    if (!document) throw new Error(`${live.id}: the document at version ${version} is not kept`);
    return document;
  };

  const entriesOf = (after: number, until: number, from: Audience, to: Audience): (Entry | ViewEntry)[] => {
    const entries = live.ring.after(after);
    // The cursor has checked the ring's floor: a hole here is a defect, and must not pass as an empty list.
    if (!entries) throw new Error(`${live.id}: the ring does not reach back to version ${after}`);
    return entries.slice(0, until - after).map((entry) =>
      projectStep({
        entry,
        from,
        to,
        before: () => project(from, documentAt(entry.version - 1)),
        after: () => project(to, documentAt(entry.version)),
      }),
    );
  };

  const staleness = (): { stale?: true } => (live.stale ? { stale: true } : {});

  const build = (step: EventStep, from: Audience, to: Audience): ResumableEvent => {
    const { epoch, version } = live.head;
    const until = step.kind === 'entries' ? (step.until ?? version) : version;
    const resumeId = formatResumeId(epoch, until, to.key);
    switch (step.kind) {
      case 'durable':
        return { resumeId, event: { type: 'durable', position: formatPosition(epoch, step.version) } };
      case 'entries':
        return {
          resumeId,
          event: { type: 'entries', epoch, entries: entriesOf(step.after, until, from, to), ...staleness() },
        };
      case 'snapshot': {
        const { archivedAt } = live.content;
        const lostIds = step.reason === 'reset' && showsActors(to.view) ? lost : [];
        return {
          resumeId,
          event: {
            type: 'snapshot',
            position: formatPosition(epoch, version),
            durableVersion: persistent ? live.watermark.version : 0,
            state: asCampaign(plainOf(project(to, treeOf(live.content)))),
            reason: step.reason,
            ...(to.assignments && { assignments: to.assignments }),
            ...(archivedAt !== undefined && { archivedAt }),
            ...(lostIds.length > 0 && { lost: [...lostIds] }),
            ...staleness(),
          },
        };
      }
    }
  };

  return {
    make(step, from, to) {
      const current = `${live.head.epoch}:${live.head.version}:${live.watermark.version}:${live.stale}`;
      if (current !== cachedFor || cache.size >= CACHED_EVENTS) cache.clear();
      cachedFor = current;
      const detail =
        step.kind === 'entries'
          ? `${step.after} ${step.until ?? ''} ${from.key}`
          : step.kind === 'snapshot'
            ? step.reason
            : step.version;
      const key = `${to.key} ${step.kind} ${detail}`;
      const cached = cache.get(key);
      if (cached) return cached;
      const event = build(step, from, to);
      cache.set(key, event);
      return event;
    },

    forget: () => cache.clear(),

    setLost(mutationIds) {
      lost = mutationIds;
      cache.clear();
    },
  };
}
