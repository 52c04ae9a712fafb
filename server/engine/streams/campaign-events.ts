import { formatResumeId, type Step } from '../../core/stream/cursor.ts';
import { formatPosition } from '../../core/stream/position.ts';
import { projectEntry, projectState, viewKey, type View } from '../../core/stream/views.ts';
import type { LiveCampaign } from '../campaign/live-campaign.ts';
import type { ResumableEvent } from '../service.ts';

/**
 * Makes the events of one campaign: the same object for everyone who must be sent the same, so that it is encoded once.
 */
export interface CampaignEvents {
  make(step: Exclude<Step, { kind: 'idle' }>, view: View): ResumableEvent;
  /** After a break: these acknowledged mutations are known not to have survived. */
  lose(mutationIds: readonly string[]): void;
}

/** Different events for one head that are kept: one for each version that readers come back from, about. */
const KEPT = 64;

/**
 * @param persistent whether anything becomes durable: else the watermark of the archive in memory is nobody's business
 */
export function createCampaignEvents(live: LiveCampaign, persistent: boolean): CampaignEvents {
  const made = new Map<string, ResumableEvent>();
  let madeFor = '';
  let lost: readonly string[] = [];

  const build = (step: Exclude<Step, { kind: 'idle' }>, view: View): ResumableEvent => {
    const { epoch, version } = live.head;
    const resumeId = formatResumeId(epoch, version, viewKey(view));
    switch (step.kind) {
      case 'durable':
        return { resumeId, event: { type: 'durable', position: formatPosition(epoch, step.version) } };
      case 'entries': {
        const entries = live.ring.after(step.after);
        // The cursor's step looks at the ring's floor: a hole here would be a defect, and must not pass as an empty
        // list.
        if (!entries) throw new Error(`${live.id}: the ring does not reach back to version ${step.after}`);
        return {
          resumeId,
          event: { type: 'entries', epoch, entries: entries.map((entry) => projectEntry(view, entry)) },
        };
      }
      case 'snapshot': {
        const { state, archivedAt } = live.content;
        const lostIds = step.reason === 'reset' && view.kind === 'full' ? lost : [];
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
      const now = `${live.head.epoch}:${live.head.version}:${live.watermark.version}`;
      if (now !== madeFor || made.size >= KEPT) made.clear();
      madeFor = now;
      const what = step.kind === 'entries' ? step.after : step.kind === 'snapshot' ? step.reason : step.version;
      const key = `${viewKey(view)} ${step.kind} ${what}`;
      const known = made.get(key);
      if (known) return known;
      const event = build(step, view);
      made.set(key, event);
      return event;
    },

    lose(mutationIds) {
      lost = mutationIds;
      made.clear();
    },
  };
}
