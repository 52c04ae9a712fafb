import { hash } from 'node:crypto';
import { memberOf, plainOf, withMembers, type DocumentTree } from '../document/document-tree.ts';
import { diff, isEmptyPatch } from '../document/merge-patch.ts';
import { TARGETING_FIELDS } from '../document/targeting-fields.ts';
import { jsonEqual, type JsonObject, type JsonValue } from '../json.ts';
import {
  assignmentsOf,
  judge,
  prepareTargeting,
  type Assignments,
  type PreparedTargeting,
} from '../targeting/evaluate.ts';
import type { TargetingEngine } from '../targeting/evaluator.ts';
import type { HeldPlaces, UnheldPlace } from '../targeting/held-places.ts';
import { isTargetingType } from '../targeting/refuse-command.ts';
import { resolve } from '../targeting/resolve.ts';
import { readTargeting, touchesTargeting } from '../targeting/targeting.ts';
import type { Entry, ViewEntry } from './entry.ts';
import { isResolved, projectChange, projectEntry, showsActors, viewKey, type View } from './views.ts';

/**
 * What somebody sees of one version of a campaign: a view, and where that is resolved and the document has targeting,
 * the outcome of the rules. All that leaves the server is a function of the document and this. Those with the same key
 * see the same, and are sent the same bytes: a cohort.
 */
export interface Audience {
  readonly view: View;
  /** `undefined` where the view is not resolved, or the document has no targeting: then nothing has to be resolved. */
  readonly assignments: Assignments | undefined;
  /**
   * Stands in resume ids and tells groups of subscribers apart. It is the same on all instances and after a restart,
   * and does not tell what the arms are.
   */
  readonly key: string;
}

/** By what a viewer is judged: its attributes, and the places that are held for its units. */
export interface JudgedBy {
  readonly attributes: JsonObject;
  readonly held: HeldPlaces;
}

/** What a viewer sees, and what has to be held so that it keeps its arms. */
export interface ViewerJudgement {
  readonly audience: Audience;
  readonly unheld: readonly UnheldPlace[];
}

/** Characters of a cohort's key: 96 bits. */
const KEY_LENGTH = 16;

/** Evaluates and projects the versions of one server's campaigns. */
export interface Projector {
  /** The targeting of a document, prepared once; `undefined` where it has none. */
  prepared(document: DocumentTree): PreparedTargeting | undefined;
  /** What a viewer sees of that version. */
  judge(campaignId: string, document: DocumentTree, view: View, by: JudgedBy): ViewerJudgement;
  /** The document as an audience sees it. */
  project(audience: Audience, document: DocumentTree): DocumentTree;
  /** Evaluations since the start: what a turn of the event loop is bounded by. */
  readonly evaluations: number;
}

/** Creates a projector over the engine of conditions. */
export function createProjector(engine: TargetingEngine): Projector {
  /** By the part that holds the rules, which versions share until it changes. */
  const known = new WeakMap<object, { readonly parts: readonly unknown[]; readonly prepared: PreparedTargeting }>();
  let evaluations = 0;

  const prepared = (document: DocumentTree): PreparedTargeting | undefined => {
    const parts = partsOf(document);
    const key = parts.find((part) => typeof part === 'object' && part !== null);
    const found = typeof key === 'object' && key !== null ? known.get(key) : undefined;
    if (found?.parts.every((part, index) => part === parts[index])) return found.prepared;
    const targeting = readTargeting(document);
    if (!targeting) return undefined;
    const made = prepareTargeting(targeting, engine);
    if (typeof key === 'object' && key !== null) known.set(key, { parts, prepared: made });
    return made;
  };

  return {
    prepared,

    judge(campaignId, document, view, { attributes, held }) {
      const targeting = isResolved(view) ? prepared(document) : undefined;
      if (!targeting) return { audience: { view, assignments: undefined, key: viewKey(view) }, unheld: [] };
      evaluations += 1;
      const { explanations, unheld } = judge(targeting, attributes, engine, held);
      const assignments = assignmentsOf(explanations);
      return { audience: { view, assignments, key: cohortKey(campaignId, view, assignments) }, unheld };
    },

    project(audience, document) {
      const { view, assignments } = audience;
      if (view.kind === 'full') return document;
      const resolved = assignments ? resolve(document, prepared(document)?.targeting, assignments) : document;
      if (view.hidden.size === 0) return resolved;
      if (!assignments) return projectChange(view, plainOf(resolved));
      return withMembers(
        resolved,
        [...view.hidden].map((field) => [field, undefined]),
      );
    },

    get evaluations() {
      return evaluations;
    },
  };
}

function cohortKey(campaignId: string, view: View, assignments: Assignments): string {
  const outcome = Object.keys(assignments)
    .sort()
    .map((rule) => [rule, assignments[rule]?.arm, assignments[rule]?.reason, assignments[rule]?.phase]);
  return hash('sha256', JSON.stringify([campaignId, viewKey(view), outcome]), 'base64url').slice(0, KEY_LENGTH);
}

/** What one entry is to a subscriber. */
export interface ProjectedStep {
  readonly entry: Entry;
  /** What it saw before the entry, and sees after it. */
  readonly from: Audience;
  readonly to: Audience;
  /** The two projections; called where they are needed. */
  before(): DocumentTree;
  after(): DocumentTree;
}

/**
 * The entry as an audience is shown it: the change between the two projections, and the assignments where those have
 * changed. Of a change of the targeting, and of what does not show at all, it is not told who made it, by which command
 * and with which words.
 */
export function projectStep(step: ProjectedStep): Entry | ViewEntry {
  const { entry, from, to, before, after } = step;
  if (!isProjected(step)) return projectEntry(to.view, entry);
  const { version, type, at } = entry;
  const change = diff(before(), after());
  const isLifecycle = type === 'archive' || type === 'restore';
  const isTold = showsActors(to.view) && !isOfTargeting(entry) && (isLifecycle || !isEmptyPatch(change));
  if (isTold) return { ...entry, change };
  const assignments = assignmentsIn(to);
  return {
    version,
    ...(isLifecycle && { type }),
    change,
    ...(!jsonEqual(assignmentsIn(from), assignments) && { assignments: to.assignments ?? {} }),
    at,
  };
}

/** Whether the two documents have to be compared: else the entry's own change, without hidden fields, is what shows. */
function isProjected({ entry, from, to }: ProjectedStep): boolean {
  return (
    from.assignments !== undefined || to.assignments !== undefined || (isResolved(to.view) && isOfTargeting(entry))
  );
}

/**
 * An arm that is shipped again changes the document alone; that it was an arm's is told by its command and its words.
 */
export function isOfTargeting({ type, change }: Entry): boolean {
  return touchesTargeting(change) || isTargetingType(type);
}

function assignmentsIn({ assignments = {} }: Audience): JsonValue {
  // Assignments are plain JSON.
  return assignments as unknown as JsonValue;
}

function partsOf(document: DocumentTree): readonly unknown[] {
  return TARGETING_FIELDS.map((field) => memberOf(document, field));
}
