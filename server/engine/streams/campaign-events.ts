import { formatResumeId, type Step } from '../../core/stream/cursor.ts';
import { formatPosition } from '../../core/stream/position.ts';
import { projectEntry, projectState, showsActors, viewKey, type View } from '../../core/stream/views.ts';
import type { LiveCampaign } from '../campaign/live-campaign.ts';
import type { ResumableEvent } from '../service.ts';

/** The events of one campaign. Readers that are to be sent the same get the same object, so that it is encoded once. */
export interface CampaignEvents {
  make(step: EventStep, view: View): ResumableEvent;
  /** Names the acknowledged mutations that a fork has lost; from now on `reset` snapshots carry them. */
  setLost(mutationIds: readonly string[]): void;
}

/** A step of a cursor that yields an event. */
type EventStep = Exclude<Step, { kind: 'idle' }>;

/** Different events of one head that are kept: about one for each version that reconnecting readers resume from. */
const CACHED_EVENTS = 64;

/**
 * @param persistent whether entries become durable at all; without persistence the watermark says nothing about the
 *   disk, and is sent as 0
 */
export function createCampaignEvents(live: LiveCampaign, persistent: boolean): CampaignEvents {
  const cache = new Map<string, ResumableEvent>();
  /** The head and watermark that the cached events belong to. */
  let cachedFor = '';
  let lost: readonly string[] = [];

  const build = (step: EventStep, view: View): ResumableEvent => {
    const { epoch, version } = live.head;
    const resumeId = formatResumeId(epoch, version, viewKey(view));
    switch (step.kind) {
      case 'durable':
        return { resumeId, event: { type: 'durable', position: formatPosition(epoch, step.version) } };
      case 'entries': {
        const entries = live.ring.after(step.after);
        // The cursor has checked the ring's floor: a hole here is a defect, and must not pass as an empty list.
        if (!entries) throw new Error(`${live.id}: the ring does not reach back to version ${step.after}`);
        return {
          resumeId,
          event: { type: 'entries', epoch, entries: entries.map((entry) => projectEntry(view, entry)) },
        };
      }
      case 'snapshot': {
        const { state, archivedAt } = live.content;
        const lostIds = step.reason === 'reset' && showsActors(view) ? lost : [];
        return {
          resumeId,
          event: {
            type: 'snapshot',
            position: formatPosition(epoch, version),
            durableVersion: persistent ? live.watermark.version : 0,
            state: projectState(view, state),
            reason: step.reason,
            ...(archivedAt !== undefined && { archivedAt }),
            ...(lostIds.length > 0 && { lost: [...lostIds] }),
          },
        };
      }
    }
  };

  return {
    make(step, view) {
      const current = `${live.head.epoch}:${live.head.version}:${live.watermark.version}`;
      if (current !== cachedFor || cache.size >= CACHED_EVENTS) cache.clear();
      cachedFor = current;
      const detail = step.kind === 'entries' ? step.after : step.kind === 'snapshot' ? step.reason : step.version;
      const key = `${viewKey(view)} ${step.kind} ${detail}`;
      const cached = cache.get(key);
      if (cached) return cached;
      const event = build(step, view);
      cache.set(key, event);
      return event;
    },

    setLost(mutationIds) {
      lost = mutationIds;
      cache.clear();
    },
  };
}
