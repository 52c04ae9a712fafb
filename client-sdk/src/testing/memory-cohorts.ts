import { plainOf } from '../../../server/core/document/document-tree.ts';
import { diff } from '../../../server/core/document/merge-patch.ts';
import type { Viewer } from '../../../server/core/document/targeting-fields.ts';
import { jsonEqual, type JsonObject, type JsonValue } from '../../../server/core/json.ts';
import { apply, type CampaignContent } from '../../../server/core/stream/apply.ts';
import type { Entry, ViewEntry } from '../../../server/core/stream/entry.ts';
import { evaluate, prepareTargeting, type Assignments } from '../../../server/core/targeting/evaluate.ts';
import type { TargetingEngine } from '../../../server/core/targeting/evaluator.ts';
import { resolve } from '../../../server/core/targeting/resolve.ts';
import { readTargeting } from '../../../server/core/targeting/targeting.ts';
import { createGrowthBookEngine } from '../../../server/targeting/growthbook-engine.ts';

/** What somebody sees of a document: their arms' changes, and none of the rules. */
export interface SeenDocument {
  readonly state: JsonObject;
  /** `undefined` where the document has no targeting. */
  readonly assignments: Assignments | undefined;
}

let engine: TargetingEngine | undefined;

/** A document as its rules, judged by the server's own evaluation, leave it for a viewer. */
export function seenBy(document: JsonObject, { attributes }: Viewer): SeenDocument {
  const targeting = readTargeting(document);
  if (!targeting) return { state: document, assignments: undefined };
  engine ??= createGrowthBookEngine();
  const assignments = evaluate(prepareTargeting(targeting, engine), attributes, engine);
  return { state: plainOf(resolve(document, targeting, assignments)), assignments };
}

/** One viewer's place in a stream: each entry as the change between what was seen before it and after. */
export interface ViewerPlace {
  readonly seen: () => SeenDocument;
  readonly next: (entry: Entry) => ViewEntry;
}

/** @param from the content up to which the viewer has seen everything */
export function viewerPlace(viewer: Viewer, from: CampaignContent): ViewerPlace {
  let content = from;
  let seen = seenBy(content.state, viewer);
  return {
    seen: () => seen,
    next(entry) {
      const before = seen;
      content = apply(content, entry);
      seen = seenBy(content.state, viewer);
      const { version, type, at } = entry;
      return {
        version,
        ...((type === 'archive' || type === 'restore') && { type }),
        change: diff(before.state, seen.state),
        ...(!jsonEqual(json(before.assignments), json(seen.assignments)) && { assignments: seen.assignments ?? {} }),
        at,
      };
    },
  };
}

function json(assignments: Assignments | undefined): JsonValue {
  // Assignments are plain JSON.
  return (assignments ?? {}) as unknown as JsonValue;
}
