import { ANALYTICS_LIMITS, type AnalyticsEvent, type PaintEvent } from '../../core/analytics/analytics-event.ts';
import type { AnalyticsStore, PhaseKey, TimelineCount } from '../../core/analytics/analytics-store.ts';
import { progressOf, spanFor, type Progress } from '../../core/analytics/progress.ts';
import { reachOf, type Reach } from '../../core/analytics/reach.ts';
import { controlOf, resultsOf, type RuleResults } from '../../core/analytics/results.ts';
import type { NumberLine, Viewer } from '../../core/document/targeting-fields.ts';
import { RefusalError } from '../../core/errors.ts';
import { CALL_ACTIONS, can, hasExpired, type Identity } from '../../core/permissions.ts';
import type { Projector } from '../../core/stream/audience.ts';
import { treeOf } from '../../core/stream/apply.ts';
import { epochAt } from '../../core/stream/lineage.ts';
import { formatPosition, versionOnTimeline, type Position, type VersionName } from '../../core/stream/position.ts';
import type { TargetingEngine } from '../../core/targeting/evaluator.ts';
import type { KeyedRule } from '../../core/targeting/targeting.ts';
import type { CampaignHistory } from '../campaign/history.ts';
import type { HeldPlacesService } from '../campaign/held-places.ts';
import { isPublished } from '../campaign/live-campaign.ts';
import { createReadGate } from '../calls/read-gate.ts';
import { answeringCalls } from '../calls/request-archive.ts';
import type { CampaignHost } from '../hosting/campaign-host.ts';
import type { LoadedCampaign } from '../hosting/log-follower.ts';
import type { EngineObserver } from '../observer.ts';
import type { Clock, ViewerCounts } from '../ports.ts';
import { expired, forbidden, notFound } from '../refusals.ts';
import type { Caller, Reader } from '../service.ts';
import { attributesFor } from '../streams/viewer.ts';
import { rowsOf } from './event-rows.ts';
import { createEventWriter } from './event-writer.ts';
import { createLiveResults } from './live-results.ts';
import { createTargetingLookup, type TargetingAt } from './targeting-at.ts';
import { createUnitHashes } from '../campaign/unit-hash.ts';

/** A batch of events of one viewer. */
export interface TrackedBatch {
  /** The same for a retry, so that a batch counts once. */
  readonly batchId: string;
  /** When it was sent, by the client's clock: times of a clock that is far off are moved by it. */
  readonly sentAt?: number | undefined;
  readonly events: readonly AnalyticsEvent[];
}

/** A row of the timeline. */
export type TimelineRow = Omit<TimelineCount, 'epoch' | 'version'> & { readonly position: Position };

/** Events and their results, as the procedures see them. */
export interface AnalyticsService {
  /**
   * Records events. They are durable when it resolves, and count once however often the batch is sent.
   *
   * @returns how many were taken
   * @throws RefusalError `OVERLOADED` where too many wait, `TOO_OLD` where one is too old to count
   */
  track(caller: Caller, campaignId: string, batch: TrackedBatch): Promise<{ readonly recorded: number }>;
  /** @throws RefusalError `NOT_FOUND` where there is no such rule */
  results(caller: Caller, campaignId: string, rule: string, phase?: number): Promise<RuleResults>;
  /** The results, and again whenever they have changed, once a second at most. */
  live(
    caller: Caller,
    reader: Reader,
    query: { readonly campaignId: string; readonly rule: string; readonly phase?: number | undefined },
  ): AsyncIterableIterator<RuleResults>;
  /** A metric of a rule over time. @throws RefusalError `NOT_FOUND` where there is no such rule or metric */
  progress(
    caller: Caller,
    query: {
      readonly campaignId: string;
      readonly rule: string;
      readonly metric: string;
      readonly phase?: number | undefined;
    },
  ): Promise<Progress>;
  /** Viewers, exposures and goals by minute and version, from that time on and before the other. */
  timeline(caller: Caller, campaignId: string, from: number, to: number): Promise<TimelineRow[]>;
  /** How many pages have painted a version, and how fast. */
  reach(caller: Caller, campaignId: string, version: VersionName): Promise<Reach>;
  /** Erases what is known of a unit, by its attribute and value; without one, all events of the campaign. */
  forget(
    caller: Caller,
    campaignId: string,
    unit?: { readonly attribute: string; readonly value: string },
  ): Promise<void>;
}

/** The analytics of one engine. */
export interface EngineAnalytics extends AnalyticsService {
  /** The results for the engine itself. */
  resultsOf(campaign: LoadedCampaign, rule: KeyedRule): Promise<RuleResults>;
  /** A campaign was deleted: the key of its hashes is forgotten. */
  onDeleted(campaignId: string): void;
  /** Whether a campaign has to stay in memory. */
  isAttended(campaignId: string): boolean;
  /** Events that are not durable yet. */
  readonly waiting: number;
  stop(): Promise<void>;
}

export interface EngineAnalyticsOptions {
  readonly store: AnalyticsStore;
  /** The places that are held for those of whom the events are. */
  readonly heldPlaces: HeldPlacesService;
  /** Key of the hashes of units. */
  readonly key: string;
  /** Events that may wait to be recorded, at most. */
  readonly maxWaiting: number;
  readonly hosting: CampaignHost;
  readonly history: CampaignHistory;
  readonly projector: Projector;
  readonly engine: TargetingEngine;
  readonly clock: Clock;
  readonly observer: EngineObserver;
  readonly viewers: ViewerCounts;
}

/** Reads that the store runs at once: it has few connections, and one that writes. */
const MAX_CONCURRENT_READS = 1;
const TURN_TIMEOUT_MS = 10_000;

/** Creates the analytics of an engine. */
export function createEngineAnalytics(options: EngineAnalyticsOptions): EngineAnalytics {
  const { hosting, clock, observer, engine, projector } = options;
  const store = requestStore(options);
  const writer = createEventWriter({ store: options.store, clock, observer, maxWaiting: options.maxWaiting });
  const hashes = createUnitHashes(store, options.key, clock);
  const targetingAt = createTargetingLookup(options);
  const reads = createReadGate({ clock, maxConcurrent: MAX_CONCURRENT_READS, timeoutMs: TURN_TIMEOUT_MS });

  /** @throws RefusalError where the identity may not do that on the campaign */
  const demand = (identity: Identity, call: 'track' | 'results' | 'forgetUnits', { live }: LoadedCampaign): void => {
    if (hasExpired(identity, clock.now())) throw expired();
    if (can(identity, CALL_ACTIONS[call], live.id, isPublished(live.content))) return;
    throw identity.anonymous === true && can(identity, CALL_ACTIONS[call], live.id, true)
      ? notFound(live.id)
      : forbidden(live.id, call);
  };

  const open = async (
    { identity }: Caller,
    call: 'track' | 'results' | 'forgetUnits',
    campaignId: string,
  ): Promise<LoadedCampaign> => {
    // Before the campaign is looked up: whoever has no right to it learns nothing of it.
    if (!can(identity, CALL_ACTIONS[call], campaignId, true)) throw forbidden(campaignId, call);
    const campaign = await hosting.host(campaignId).loaded;
    demand(identity, call, campaign);
    return campaign;
  };

  const ruleIn = ({ live }: LoadedCampaign, key: string): KeyedRule => {
    const rule = projector.prepared(treeOf(live.content))?.targeting.rules.find((one) => one.key === key);
    if (rule) return rule;
    throw new RefusalError('NOT_FOUND', `rule: ${live.id} has no rule ${key}`, { path: ['rule'] });
  };

  const compute = async (rule: KeyedRule, key: PhaseKey): Promise<RuleResults> => {
    const counts = await store.countUnits(key);
    const sums: Record<string, Awaited<ReturnType<AnalyticsStore['sumMetric']>>> = {};
    for (const [name, metric] of Object.entries(rule.metrics ?? {})) sums[name] = await store.sumMetric(key, metric);
    return resultsOf(key, rule, counts, sums);
  };

  const live = createLiveResults({
    clock,
    demand: (identity, campaign) => demand(identity, 'results', campaign),
    compute(campaign, { rule: name, phase }) {
      const rule = ruleIn(campaign, name);
      return compute(rule, { campaignId: campaign.live.id, rule: name, phase: phase ?? rule.phase });
    },
  });

  return {
    async track(caller, campaignId, { batchId, sentAt, events }) {
      const campaign = await open(caller, 'track', campaignId);
      const now = clock.now();
      const timed = inServerTime(events, sentAt, now);
      const positions = [...new Set(timed.flatMap((event) => (event.kind === 'paint' ? [] : [event.position])))];
      if (positions.length > ANALYTICS_LIMITS.batchPositions)
        throw new RefusalError(
          'TOO_LARGE',
          `events: at most ${ANALYTICS_LIMITS.batchPositions} positions in one batch`,
          {
            path: ['events'],
            limit: ANALYTICS_LIMITS.batchPositions,
          },
        );
      const targetings = new Map<string, Awaited<ReturnType<typeof targetingAt>>>();
      for (const position of positions)
        targetings.set(position, await targetingAt(campaign, position, (read) => reads.pass(caller, read)));
      const hash = await hashes.of(campaignId);
      const attributes = attributesFor(caller.identity, campaignId, saidBy(caller));
      const held = await options.heldPlaces.demand({ campaignId, lines: linesIn(targetings.values()), attributes });
      const delayOf = (event: PaintEvent): number | undefined => paintDelay(campaign, event, now, sentAt);
      await writer.write(rowsOf(timed, { campaignId, batchId, attributes, held, targetings, engine, hash, delayOf }));
      return { recorded: events.length };
    },

    async results(caller, campaignId, name, phase) {
      const campaign = await open(caller, 'results', campaignId);
      const rule = ruleIn(campaign, name);
      return reads.pass(caller, () => compute(rule, { campaignId, rule: name, phase: phase ?? rule.phase }));
    },

    live: (caller, reader, query) => live.watch(caller, reader, () => open(caller, 'results', query.campaignId), query),

    async progress(caller, { campaignId, rule: name, metric: metricName, phase }) {
      const rule = ruleIn(await open(caller, 'results', campaignId), name);
      const metric = rule.metrics?.[metricName];
      if (!metric)
        throw new RefusalError('NOT_FOUND', `metric: the rule ${name} has no metric ${metricName}`, {
          path: ['metric'],
        });
      const key = { campaignId, rule: name, phase: phase ?? rule.phase };
      const control = controlOf(rule.arms);
      const points = await reads.pass(caller, async () => {
        const span = await store.readSpan(key);
        if (!span) return [];
        const everyMs = spanFor(span.first, span.last);
        return progressOf(metric, rule, await store.readProgress(key, metric, everyMs), everyMs);
      });
      return { ...key, metric: metricName, ...(control !== undefined && { control }), points };
    },

    async timeline(caller, campaignId, from, to) {
      await open(caller, 'results', campaignId);
      const rows = await reads.pass(caller, () => store.readTimeline(campaignId, from, to));
      return rows.map(({ epoch, version, ...row }) => ({ ...row, position: formatPosition(epoch, version) }));
    },

    async reach(caller, campaignId, named) {
      const campaign = await open(caller, 'results', campaignId);
      const { head, lineage } = campaign.live;
      const version = versionOnTimeline(named, head, lineage);
      if (version === undefined || version > head.version)
        throw new RefusalError('NOT_FOUND', `version: ${campaignId} has no version ${named}`, { path: ['version'] });
      const epoch = epochAt(version, head, lineage);
      const paints = await reads.pass(caller, () => store.readPaints(campaignId, epoch, version));
      const elsewhere = await options.viewers.elsewhere([campaignId]).catch(() => new Map<string, number>());
      const connected = hosting.viewers(campaignId) + (elsewhere.get(campaignId) ?? 0);
      return reachOf(formatPosition(epoch, version), connected, paints);
    },

    async forget(caller, campaignId, unit) {
      await open(caller, 'forgetUnits', campaignId);
      // What is on its way to the store now would come behind the erasure.
      options.heldPlaces.forget(campaignId);
      await options.heldPlaces.settled();
      if (!unit) {
        await store.forgetCampaign(campaignId);
        hashes.forget(campaignId);
      } else {
        const hash = await hashes.of(campaignId);
        await store.forgetUnits(campaignId, [hash(unit.attribute, unit.value)]);
      }
      options.heldPlaces.forget(campaignId);
    },

    resultsOf: ({ live: { id } }, rule) => compute(rule, { campaignId: id, rule: rule.key, phase: rule.phase }),

    onDeleted: hashes.forget,
    isAttended: (campaignId) => live.isWatched(campaignId),
    get waiting() {
      return writer.waiting;
    },
    async stop() {
      live.stop();
      await writer.stop();
    },
  };
}

/** The store for callers' requests: what it fails with becomes `UNAVAILABLE`, retryable. */
function requestStore({
  store,
  observer,
  clock,
}: EngineAnalyticsOptions): Pick<
  AnalyticsStore,
  | 'countUnits'
  | 'sumMetric'
  | 'readSpan'
  | 'readProgress'
  | 'readTimeline'
  | 'readPaints'
  | 'campaignSalt'
  | 'forgetUnits'
  | 'forgetCampaign'
> {
  const answering = answeringCalls(observer, clock);
  return {
    countUnits: answering('countUnits', store.countUnits),
    sumMetric: answering('sumMetric', store.sumMetric),
    readSpan: answering('readSpan', store.readSpan),
    readProgress: answering('readProgress', store.readProgress),
    readTimeline: answering('readTimeline', store.readTimeline),
    readPaints: answering('readPaints', store.readPaints),
    campaignSalt: answering('campaignSalt', store.campaignSalt),
    forgetUnits: answering('forgetUnits', store.forgetUnits),
    forgetCampaign: answering('forgetCampaign', store.forgetCampaign),
  };
}

/** How long a page took to paint a version that is still in memory, by the server's clock. */
function paintDelay(
  { live }: LoadedCampaign,
  { position, at }: PaintEvent,
  now: number,
  sentAt: number | undefined,
): number | undefined {
  const version = versionOnTimeline(position, live.head, live.lineage);
  const entry = version === undefined ? undefined : live.ring.after(version - 1)?.[0];
  // Far-off clocks have been put right already, as far as that matters here.
  const { clockMs } = ANALYTICS_LIMITS;
  const skew = sentAt === undefined || Math.abs(now - sentAt) > clockMs ? 0 : now - sentAt;
  return entry && Math.max(0, at + skew - entry.at);
}

/** The lines of several versions on which places may be held. */
function linesIn(targetings: Iterable<TargetingAt>): ReadonlyMap<string, NumberLine> {
  const all = [...targetings].flatMap((found) => (found && found !== 'unknown' ? [...found.holding] : []));
  return new Map(all);
}

function saidBy({ viewer, ownViewer }: Caller): Viewer | undefined {
  return viewer ?? ownViewer;
}

/**
 * Events with the server's times. Clocks of devices may be off by years; where this one is, all times of the batch move
 * by the same. A clock that is right is left alone, so that the times of a retry are the same to the millisecond.
 *
 * @throws RefusalError `INVALID` for a time in the future, `TOO_OLD` for one that is too long ago
 */
function inServerTime(
  events: readonly AnalyticsEvent[],
  sentAt: number | undefined,
  now: number,
): readonly AnalyticsEvent[] {
  const { clockMs, ageMs } = ANALYTICS_LIMITS;
  const skew = sentAt === undefined || Math.abs(now - sentAt) <= clockMs ? 0 : now - sentAt;
  for (const [index, event] of events.entries()) {
    const at = event.at + skew;
    const path = ['events', index, 'at'];
    if (at > now + clockMs)
      throw new RefusalError('INVALID', `${path.join('.')}: is in the future; say sentAt where clocks differ`, {
        path,
      });
    if (at < now - ageMs)
      throw new RefusalError('TOO_OLD', `${path.join('.')}: is more than seven days ago`, { path, limit: ageMs });
  }
  return skew === 0 ? events : events.map((event) => ({ ...event, at: event.at + skew }));
}
