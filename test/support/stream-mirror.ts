import { apply, NOTHING, type CampaignContent } from '../../server/core/stream/apply.ts';
import type { JsonObject } from '../../server/core/json.ts';
import { parseResumeId } from '../../server/core/stream/cursor.ts';
import { parsePosition } from '../../server/core/stream/position.ts';
import type { Assignments } from '../../server/core/targeting/evaluate.ts';
import type { SnapshotReason } from '../../server/core/stream/events.ts';
import type { ResumableEvent } from '../../server/engine/service.ts';

/** What a subscriber makes of its stream: it folds, and takes nothing that does not follow on what it has seen (G1). */
export interface StreamMirror {
  readonly epoch: string;
  readonly version: number;
  readonly content: CampaignContent;
  /** What the viewer was told of the rules. */
  readonly assignments: Assignments;
  /** From where to go on; `undefined` before the first event. */
  readonly resumeId: string | undefined;
  readonly durable: number;
  /** Why each snapshot came. */
  readonly snapshots: readonly SnapshotReason[];
  /** How many entries came one by one. */
  readonly entries: number;
  /**
   * The stream goes on at another server, which may have heard less of what is durable: its word is true, and lower.
   */
  elsewhere(): void;
  /** Takes the next event; throws where it breaks the line. */
  take(event: ResumableEvent): void;
}

/** @param from where it stood before, and goes on from; its content from before is not known to it then */
export function streamMirror(from?: string): StreamMirror {
  let position = parseResumeId(from ?? '') ?? { epoch: '', version: 0 };
  let content = NOTHING;
  let resumeId = from;
  let assignments: Assignments = {};
  let durable = 0;
  const snapshots: SnapshotReason[] = [];
  let entries = 0;

  const demand = (fine: boolean, what: string): void => {
    if (!fine) throw new Error(`G1: at ${position.epoch}:${position.version}: ${what}`);
  };

  return {
    get epoch() {
      return position.epoch;
    },
    get version() {
      return position.version;
    },
    get content() {
      return content;
    },
    get assignments() {
      return assignments;
    },
    get resumeId() {
      return resumeId;
    },
    get durable() {
      return durable;
    },
    snapshots,
    get entries() {
      return entries;
    },

    elsewhere() {
      durable = 0;
    },
    take({ resumeId: id, event }) {
      switch (event.type) {
        case 'snapshot':
          position = parsePosition(event.position) ?? position;
          content = { state: toJson(event.state), archivedAt: event.archivedAt };
          assignments = event.assignments ?? {};
          durable = event.durableVersion;
          snapshots.push(event.reason);
          break;
        case 'entries':
          demand(resumeId !== undefined, 'entries came before any snapshot');
          for (const entry of event.entries) {
            demand(entry.version === position.version + 1, `version ${entry.version} does not follow`);
            position = { epoch: event.epoch, version: entry.version };
            content = apply(content, entry);
            if ('assignments' in entry && entry.assignments) assignments = entry.assignments;
            entries += 1;
          }
          position = { epoch: event.epoch, version: position.version };
          break;
        case 'durable': {
          const at = parsePosition(event.position);
          demand(at?.epoch === position.epoch, `${event.position} is durable in another epoch`);
          demand((at?.version ?? 0) >= durable, `G8: durable fell from ${durable} to ${event.position}`);
          demand(id === resumeId, `a watermark moved the resume id from ${resumeId} to ${id}`);
          durable = at?.version ?? 0;
          break;
        }
      }
      resumeId = id;
      const resumed = parseResumeId(id);
      demand(resumed?.epoch === position.epoch && resumed.version === position.version, `the resume id is ${id}`);
    },
  };
}

function toJson(state: object): JsonObject {
  return JSON.parse(JSON.stringify(state));
}
