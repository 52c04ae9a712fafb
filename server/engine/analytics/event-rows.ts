import {
  MILLIONTHS,
  type AnalyticsEvent,
  type ExposureEvent,
  type GoalEvent,
  type PaintEvent,
} from '../../core/analytics/analytics-event.ts';
import type { EventRows, ExposureRow, GoalRow, PaintRow } from '../../core/analytics/unit-rows.ts';
import type { JsonObject } from '../../core/json.ts';
import { parsePosition } from '../../core/stream/position.ts';
import { explain } from '../../core/targeting/evaluate.ts';
import type { TargetingEngine } from '../../core/targeting/evaluator.ts';
import { lineOf, NO_PLACES, placeOn, type HeldPlaces, type UnitValue } from '../../core/targeting/held-places.ts';
import { measureOf } from '../../core/targeting/ranges.ts';
import type { KeyedRule, Targeting } from '../../core/targeting/targeting.ts';
import type { TargetingAt } from './targeting-at.ts';
import type { UnitHash } from '../campaign/unit-hash.ts';

/** What the rows of a batch are made from. */
export interface BatchContext {
  readonly campaignId: string;
  readonly batchId: string;
  /** Of whom the events are, by what the server believes of its attributes. */
  readonly attributes: JsonObject;
  /** The places that are held for its units. */
  readonly held: HeldPlaces;
  /** The targeting at each position of the batch. */
  readonly targetings: ReadonlyMap<string, TargetingAt>;
  readonly engine: Pick<TargetingEngine, 'bucketOf'>;
  readonly hash: UnitHash;
  /** Milliseconds from the change of that version to a paint; `undefined` where the change is not known. */
  delayOf(event: PaintEvent): number | undefined;
}

/** The name under which rows stand that have no unit: they are on the time axis, and count for nobody. */
const NOBODY = '-';

/** What the rules gave a viewer at a position: with what is held for it, and as it was before anything was. */
type Outcomes = readonly { readonly held: HeldPlaces; readonly explanations: ReturnType<typeof explain> }[];

/**
 * The rows of a batch. Each exposure is computed again, as `campaign.explain` does it, at the position that was on the
 * screen: where the rules give that viewer another arm, or none, it is not verified. A page that was open when a place
 * came to be held shows what it did before, which is as true. Attributes end here: rows hold hashes.
 */
export function rowsOf(events: readonly AnalyticsEvent[], given: BatchContext): EventRows {
  const explained = new Map<string, Outcomes>();
  const unitsAt = new Map<string, readonly string[]>();
  const shownAt = new Map<string, ReturnType<typeof exposureOf>>();
  // All of it is of one viewer, and its hashes take longer than all else: hundreds of events, each for dozens of rules,
  // would hold up everybody's changes for a third of a second.
  const context = { ...given, hash: hashedOnce(given.hash) };
  const { attributes, engine } = context;
  const explainAt = (position: string, targeting: TargetingAt): Outcomes => {
    const known = explained.get(position);
    if (known) return known;
    const prepared = targeting === 'unknown' ? undefined : targeting;
    const made = prepared
      ? heldWays(context).map((held) => ({ held, explanations: explain(prepared, attributes, engine, held) }))
      : [];
    explained.set(position, made);
    return made;
  };
  const exposures: ExposureRow[] = [];
  const goals: GoalRow[] = [];
  const paints: PaintRow[] = [];
  for (const [index, event] of events.entries()) {
    const { epoch = '', version = 0 } = parsePosition(event.position) ?? {};
    const place = { campaignId: context.campaignId, at: event.at, epoch, version };
    const found = context.targetings.get(event.position);
    const targeting = found === 'unknown' ? undefined : found?.targeting;
    if (event.kind === 'exposure') {
      const { position, rule, arm, phase } = event;
      const key = JSON.stringify([position, rule, arm, phase]);
      const shown = shownAt.get(key) ?? exposureOf(event, targeting, explainAt(position, found), context);
      shownAt.set(key, shown);
      exposures.push({ ...place, ...shown });
    } else if (event.kind === 'goal') {
      const units = unitsAt.get(event.position) ?? unitsIn(targeting, context);
      unitsAt.set(event.position, units);
      for (const unit of units) goals.push({ ...place, unit, ...goalOf(event, context, index) });
    } else {
      const delayMs = event.delayMs ?? context.delayOf(event);
      if (delayMs !== undefined)
        paints.push({ ...place, page: event.page, delayMs: Math.round(delayMs), share: event.share });
    }
  }
  return { exposures, goals, paints };
}

/** What a page of this viewer may go by: what is held for it now, or nothing, where it was open before. */
function heldWays({ held }: Pick<BatchContext, 'held'>): readonly HeldPlaces[] {
  return held.size === 0 ? [NO_PLACES] : [held, NO_PLACES];
}

/** A hash that is made once for each unit. */
function hashedOnce(hash: UnitHash): UnitHash {
  const known = new Map<string, string>();
  return (attribute, value) => {
    const key = JSON.stringify([attribute, value]);
    const hashed = known.get(key) ?? hash(attribute, value);
    known.set(key, hashed);
    return hashed;
  };
}

function exposureOf(
  { rule: key, arm, phase }: ExposureEvent,
  targeting: Targeting | undefined,
  outcomes: Outcomes,
  context: BatchContext,
): Omit<ExposureRow, 'campaignId' | 'at' | 'epoch' | 'version'> {
  const { attributes, hash } = context;
  const rule = targeting?.rules.find((one) => one.key === key);
  const shown = outcomes.find(({ explanations }) =>
    explanations.some((one) => one.rule === key && one.arm === arm && one.phase === phase),
  );
  const unit = rule && targeting && unitIn(rule, targeting, shown?.held ?? context.held, context);
  const verified = unit !== undefined && shown !== undefined;
  return {
    rule: key,
    phase,
    arm,
    unit: unit ? hash(unit.name, unit.value) : hash('', JSON.stringify(attributes)),
    verified,
    split: verified && rule ? splitOf(rule) : '{}',
    multiple: false,
  };
}

/** The unit for which a rule counts a viewer: the one that its place comes from. */
function unitIn(
  rule: KeyedRule,
  targeting: Targeting,
  held: HeldPlaces,
  { attributes, engine }: Pick<BatchContext, 'attributes' | 'engine'>,
): UnitValue | undefined {
  const own = lineOf(rule, targeting);
  return own && placeOn(own.line, own.key, attributes, held, engine)?.unit;
}

/** The buckets of each arm, in the order of their names: what the units of that version are due. */
function splitOf({ ranges }: KeyedRule): string {
  const sizes = Object.keys(ranges)
    .sort()
    .map((arm) => [arm, measureOf(ranges[arm] ?? [])] as const);
  return JSON.stringify(Object.fromEntries(sizes));
}

function goalOf({ name, value = 0 }: GoalEvent, { batchId }: BatchContext, index: number) {
  return { goal: name, id: `${batchId}:${index}`, value: Math.round(value * MILLIONTHS) };
}

/**
 * The units that a goal counts for: one for each way in which rules hash this viewer, with what is held for it and as
 * it was before. A goal does not say which of them its page shows, and counts for those that were exposed alone.
 */
function unitsIn(targeting: Targeting | undefined, context: BatchContext): string[] {
  const units = new Set<string>();
  for (const rule of targeting?.rules ?? [])
    for (const held of heldWays(context)) {
      const unit = targeting && unitIn(rule, targeting, held, context);
      if (unit) units.add(context.hash(unit.name, unit.value));
    }
  return units.size === 0 ? [NOBODY] : [...units];
}
