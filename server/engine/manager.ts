import type { AnalyticsStore } from '../core/analytics/analytics-store.ts';
import type { Sections } from '../core/document/check.ts';
import { provideLargeObjects } from '../core/document/document-tree.ts';
import { PersistentObject } from '../core/document/persistent-object.ts';
import { asError, RefusalError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import { LIMITS } from '../core/limits.ts';
import { rightsOf, type FieldRights, type Identity } from '../core/permissions.ts';
import { createProjector } from '../core/stream/audience.ts';
import { viewsOf } from '../core/stream/views.ts';
import { createDocumentCheck } from '../core/targeting/check-document.ts';
import type { HeldPlaceStore } from '../core/targeting/held-place-store.ts';
import type { TargetingEngine } from '../core/targeting/evaluator.ts';
import { createGrowthBookEngine } from '../targeting/growthbook-engine.ts';
import { createEngineAnalytics } from './analytics/analytics-service.ts';
import { startRuleGuide } from './analytics/rule-guide.ts';
import { startAnalyticsUpkeep } from './analytics/upkeep.ts';
import { createArchiver } from './archiving/archiver.ts';
import { createRedactionWatch, type RedactionWatchOptions } from './archiving/redaction-watch.ts';
import { createCreation } from './calls/creation.ts';
import { createDeletion } from './calls/deletion.ts';
import { createMutationReport } from './calls/mutation-report.ts';
import { createMutations } from './calls/mutations.ts';
import { createOverload } from './calls/overload.ts';
import { createDocumentFields } from './calls/document-fields.ts';
import { createReads } from './calls/reads.ts';
import { createFleetCounts } from './calls/relays/fleet-counts.ts';
import { createReplicaService } from './calls/relays/replica-service.ts';
import { createRequestArchive } from './calls/request-archive.ts';
import { createTrace } from './calls/trace.ts';
import { countTraffic } from './calls/traffic.ts';
import { createCampaignHistory } from './campaign/history.ts';
import { createHeldPlaces, HOLDS_NOTHING } from './campaign/held-places.ts';
import { createCampaignHost } from './hosting/campaign-host.ts';
import { createEngineLocks } from './locks/lock-service.ts';
import type { EngineObserver } from './observer.ts';
import { createEnginePresence } from './presence/presence-service.ts';
import type { Archive, Clock, OrderedLog } from './ports.ts';
import type { Head } from '../core/stream/log-record.ts';
import { shuttingDown } from './refusals.ts';
import type { CampaignService } from './service.ts';
import { BACKPRESSURE_BUFFER_ENTRIES } from './streams/backpressure.ts';
import { createTurnBudget } from './campaign/turn-budget.ts';

/** Rows of events that may wait to be recorded, where nothing else is said. */
const MAX_WAITING_EVENTS = 50_000;
/** An entry that has been waiting for so long shows that the archive fails, whichever instance archives it. */
const LATE_SECONDS = 15;

export interface ManagerOptions {
  readonly log: OrderedLog;
  readonly archive: Archive;
  readonly clock: Clock;
  readonly observer?: EngineObserver;
  /** Schemas of whole sections; see `defineSections`. */
  readonly sections?: Sections;
  /** Rights by top-level field, narrower than those on the campaign. Default: none. */
  readonly rights?: FieldRights;
  /** The campaign that is watched where no id is given. */
  readonly defaultCampaignId?: string;
  /** Who may take over the locks of others. Default `admins`. */
  readonly lockPolicy?: 'admins' | 'editors';
  /** Whether the archive outlives the process. Without it receipts say `none`. Default true. */
  readonly persistent?: boolean;
  /** When a mutation is answered that does not say; `CAMPAIGN_DURABILITY`. Default `accepted`. */
  readonly durability?: 'accepted' | 'durable';
  /** `CAMPAIGN_SUBSCRIBER_BUFFER`, in entries. Default 16. */
  readonly subscriberBuffer?: number;
  /** `CAMPAIGN_IDLE_TTL`, in milliseconds. Default 10 minutes. */
  readonly idleTtl?: number;
  /** `CAMPAIGN_MAX_LOADED`, in campaigns. Default: no limit. */
  readonly maxLoaded?: number;
  /** Entries that may wait for the archive before mutations are refused with `OVERLOADED`. Default 100,000. */
  readonly maxBacklog?: number;
  /** Bytes of entries that may wait for the archive, likewise. Default 256 MiB. */
  readonly maxBacklogBytes?: number;
  /** How long a caller waits for durability, in milliseconds. Default 30,000. */
  readonly durableTimeoutMs?: number;
  /** How long the outcome of an append may stay unknown, in milliseconds. Default 5,000. */
  readonly appendTimeoutMs?: number;
  /** Weight (`weightOf`) of the mutations that are decided in one turn of the event loop. Default 128. */
  readonly turnWeight?: number;
  /** Weight of the mutations that may wait to be decided, over all campaigns; half of it for one. Default 32,768. */
  readonly maxQueuedWeight?: number;
  /** Names this instance in the record of a deletion. Default: a random token. */
  readonly instance?: string;
  /** Called before a campaign is deleted, with where its chain of hashes ends. Default: nothing. */
  readonly onDeleting?: (head: Head & { readonly campaignId: string }) => Promise<unknown>;
  /** Where what was redacted is recorded. Default: nowhere. */
  readonly redactions?: RedactionWatchOptions['store'];
  /** The engine of conditions and of the hash. Default: GrowthBook's. */
  readonly targeting?: TargetingEngine;
  /**
   * Where events are counted, and the places are kept that people have by a rule's `fallbackUnit`. Default: nowhere,
   * no procedure of analytics answers, and a place lasts for as long as the viewer has the fallback unit.
   */
  readonly analytics?: AnalyticsSettings;
  /** Fields that callers without a token never see. Default `owner_id`. */
  readonly hiddenFromPublic?: readonly string[];
}

export interface AnalyticsSettings {
  /** Events, and the places that people keep over a login. */
  readonly store: AnalyticsStore & HeldPlaceStore;
  /** Key of the hashes of units; `ANALYTICS_KEY`. */
  readonly key: string;
  /** Events that may wait to be recorded before more are refused with `OVERLOADED`. Default 50,000. */
  readonly maxWaiting?: number;
  /** How long units are kept after their rule has ended, in milliseconds. Default: 90 days. */
  readonly keepUnitsMs?: number;
  /** How long minutes of the timeline are kept, in milliseconds. Default: 400 days. */
  readonly keepMinutesMs?: number;
}

/** The engine: the campaign service of one instance, with what its process needs to start and stop it. */
export interface Manager extends CampaignService {
  /**
   * Creates the campaign of a start file where there is none of that id, nor one that was deleted.
   *
   * @returns whether it did
   * @throws RefusalError `INVALID` where the state is no campaign
   */
  ensure(campaignId: string, state: JsonObject): Promise<boolean>;
  /**
   * Takes out of memory and out of the log what was redacted in the archive. Other instances do so within a second.
   *
   * @throws Error where these do not answer; it is tried again
   */
  forgetRedacted(campaignId: string): Promise<void>;
  /**
   * Stops gracefully: refuses new mutations, answers the queued ones, and commits all that was accepted.
   *
   * @returns whether everything was committed within that many milliseconds
   */
  stop(timeoutMs: number): Promise<boolean>;
}

/** The actor of what the server does by itself. */
const SYSTEM: Identity = { id: 'system', grants: { '*': 'admin' } };

/** Fields that callers without a token do not see unless it is configured otherwise. */
export const HIDDEN_FROM_PUBLIC: readonly string[] = ['owner_id'];

/** Readers that pull whose outcome of the rules is computed anew in one turn of the event loop. */
const EVALUATIONS_PER_TURN = 64;

const DAY_MS = 24 * 60 * 60_000;
/** How long a campaign is locked that is about to be deleted, in milliseconds: until it is archived, or that failed. */
const STOLEN_MS = 10_000;

/** Newest entries that are loaded with a campaign, for resumes and the idempotency window. */
const RECENT_ENTRIES = 256;

/**
 * Creates the engine. It wires the parts together and holds no rules: rights, effects and checks are the core's, order
 * is the log's, storage is the archive's.
 *
 * The way of a mutation:
 *
 * 1. `api/procedures/routers/campaign-router.ts` hands it to `calls/mutations.ts`, which checks the caller.
 * 2. `writes/mutation-queue.ts` decides it (`core/commands/decide-group.ts`) and appends it to the log (port
 *    `OrderedLog`: `log/memory-log.ts`, `log/redis-log.ts`).
 * 3. `hosting/log-follower.ts` applies the entry, here and on every instance that the log publishes it to: the single
 *    apply path. It notifies `streams/fan-out.ts`.
 * 4. `streams/push-delivery.ts` moves the subscribers on and hands them the event (`PushTarget`:
 *    `api/procedures/subscriptions/push-subscription.ts`, which encodes it once and writes it to each socket).
 * 5. `archiving/archiver.ts` reads the entry from the log and commits it (port `Archive`: `archive/sql/commit.ts`); the
 *    watermark comes back through the log.
 *
 * @example
 * const manager = createManager({ log: createMemoryLog(), archive: createMemoryArchive(), clock: systemClock });
 * const receipt = await manager.mutate(caller, 'summer', { type: 'update', updates: { title: 'Summer' } }, {});
 */
export function createManager(options: ManagerOptions): Manager {
  provideLargeObjects(PersistentObject);
  const { log, clock, observer = {}, sections = {}, persistent = true } = options;
  const requestArchive = createRequestArchive(options.archive, observer, clock);
  const { durableTimeoutMs = 30_000, maxLoaded = Number.POSITIVE_INFINITY, turnWeight = LIMITS.turnWeight } = options;
  const rights = rightsOf(options.rights ?? {});
  const views = viewsOf(rights, options.hiddenFromPublic ?? HIDDEN_FROM_PUBLIC);
  const engine = options.targeting ?? createGrowthBookEngine();
  const projector = createProjector(engine);
  const check = createDocumentCheck(sections, engine);
  const history = createCampaignHistory(requestArchive);
  const trace = createTrace(clock);
  const startedAt = clock.now();
  const queued = { weight: 0 };
  let stopping = false;
  const { observer: counting, stats: traffic } = countTraffic(observer);

  const heldPlaces = options.analytics
    ? createHeldPlaces({ store: options.analytics.store, key: options.analytics.key, clock, observer })
    : HOLDS_NOTHING;
  const hosting = createCampaignHost({
    heldPlaces,
    log,
    archive: requestArchive,
    clock,
    check,
    rights,
    views,
    projector,
    evaluationTurns: createTurnBudget(clock, EVALUATIONS_PER_TURN),
    persistent,
    observer: counting,
    buffer: options.subscriberBuffer ?? BACKPRESSURE_BUFFER_ENTRIES,
    // Without persistence memory holds the only copy: nothing is evicted.
    idleTtl: persistent ? (options.idleTtl ?? 600_000) : Number.POSITIVE_INFINITY,
    appendTimeoutMs: options.appendTimeoutMs ?? 5_000,
    recentEntries: RECENT_ENTRIES,
    maxLoaded,
    history,
    groupWeight: turnWeight,
    turns: createTurnBudget(clock, turnWeight),
    queued,
    onAwaited: (campaignId) => archiver.flushNow(campaignId),
    onLocks: (live) => locks.onLocks(live),
    onDeleted(campaignId) {
      presence.onGone(campaignId);
      analytics?.onDeleted(campaignId);
      heldPlaces.forget(campaignId);
      archiver.forget(campaignId);
    },
    isAttended: (campaignId) =>
      locks.isAttended(campaignId) || presence.isAttended(campaignId) || analytics?.isAttended(campaignId) === true,
  });
  const presence = createEnginePresence({ hosting, log, clock, observer, rights });
  const locks = createEngineLocks({
    hosting,
    log,
    clock,
    observer,
    rights,
    timeoutMs: options.appendTimeoutMs ?? 5_000,
    policy: options.lockPolicy ?? 'admins',
  });
  const maxWaitingEvents = options.analytics ? (options.analytics.maxWaiting ?? MAX_WAITING_EVENTS) : 0;
  const analytics =
    options.analytics &&
    createEngineAnalytics({
      ...options.analytics,
      heldPlaces,
      maxWaiting: maxWaitingEvents,
      hosting,
      history,
      projector,
      engine,
      clock,
      observer,
      viewers: log.viewers,
    });
  const archiver = createArchiver({ log, archive: options.archive, clock, observer, hosting });
  const { maxBacklog = 100_000, maxBacklogBytes = 256 * 1024 * 1024 } = options;
  const overload = createOverload({
    clock,
    log,
    hosting,
    archiver,
    maxBacklog,
    maxBacklogBytes,
    queued,
    maxQueuedWeight: options.maxQueuedWeight ?? LIMITS.queuedWeight,
  });
  const writing = {
    hosting,
    clock,
    persistent,
    report: createMutationReport(clock, counting, trace),
    refuseLoad: (campaignId?: string) => (stopping ? shuttingDown() : overload.refuse(campaignId)),
    refuseQueued: overload.refuseQueued,
  };
  const creation = createCreation({ ...writing, archive: requestArchive, check, maxLoaded });
  const changes = createMutations({ ...writing, durableTimeoutMs, durability: options.durability ?? 'accepted' });
  const guide =
    analytics &&
    startRuleGuide({
      hosting,
      archive: requestArchive,
      projector,
      clock,
      observer,
      mutate: changes.mutate,
      system: SYSTEM,
      resultsOf: analytics.resultsOf,
    });
  const upkeep =
    options.analytics &&
    startAnalyticsUpkeep({
      keepUnitsMs: 90 * DAY_MS,
      keepMinutesMs: 400 * DAY_MS,
      ...options.analytics,
      archive: requestArchive,
      hosting,
      clock,
      observer,
    });

  const deletion = createDeletion({
    hosting,
    log,
    archive: requestArchive,
    clock,
    observer,
    instance: options.instance ?? clock.token(),
    durableTimeoutMs,
    mutate: changes.mutate,
    async steal(caller, campaignId) {
      const { lockId, fence } = await locks.steal(caller, {}, campaignId, { ttlMs: STOLEN_MS, note: 'to be deleted' });
      return { lockId, fence };
    },
    refuseLoad: writing.refuseLoad,
    onDeleting: options.onDeleting ?? (() => Promise.resolve()),
  });

  const reads = createReads({
    hosting,
    archive: requestArchive,
    history,
    clock,
    views,
    projector,
    engine,
    heldPlaces,
    persistent,
    durableTimeoutMs,
    observer,
    viewers: log.viewers,
  });
  const redactions =
    options.redactions && createRedactionWatch({ store: options.redactions, hosting, log, clock, observer });

  return {
    ...changes,
    ...creation,
    delete: deletion.delete,
    ...reads,
    fleets: createFleetCounts({ exchange: log.presence, clock }),
    replicas: createReplicaService({ hosting, archive: requestArchive, clock, watch: reads.watch }),
    defaultCampaignId: options.defaultCampaignId,
    locks,
    presence,
    analytics,
    ...createDocumentFields(sections, views, rights),

    stats() {
      const { entries, oldestAt } = log.backlog();
      const now = clock.now();
      const lagSeconds = oldestAt === undefined ? 0 : Math.max(0, now - oldestAt) / 1_000;
      // The instance that archives knows why; the others see that nothing is committed.
      const isLate = lagSeconds > LATE_SECONDS;
      return {
        campaigns: hosting.size,
        subscribers: hosting.subscribers(),
        queuedWeight: queued.weight,
        ...traffic,
        archive: {
          backlogEntries: entries,
          lagSeconds,
          failing: archiver.failing || isLate,
          failure: archiver.failure ?? (isLate ? { cause: 'late', message: lateMessage(lagSeconds) } : undefined),
        },
        log: {
          isShared: log.shared,
          failing: log.health.reading !== undefined || log.health.writing !== undefined,
          reading: log.health.reading,
          writing: log.health.writing,
          settings: log.health.settings,
          clockOffsetSeconds: log.clockOffset / 1_000,
        },
        analytics: { waiting: analytics?.waiting ?? 0, maxWaiting: maxWaitingEvents },
        uptimeSeconds: (now - startedAt) / 1_000,
      };
    },

    trace: (caller, reader) => trace.listen(reader, caller.signal),

    async ensure(campaignId, state) {
      if ((await requestArchive.heads([campaignId])).length > 0) return false;
      // What an admin has deleted does not come back by a restart.
      if (await requestArchive.findDeletion(campaignId)) return false;
      try {
        await creation.create({ identity: SYSTEM, correlationId: clock.id() }, campaignId, state, {
          comment: 'from a start file',
        });
        return true;
      } catch (error) {
        if (error instanceof RefusalError && error.refusal.reason === 'CONFLICT') return false;
        throw error;
      }
    },

    async forgetRedacted(campaignId) {
      await redactions?.look(campaignId);
    },

    async stop(timeoutMs) {
      stopping = true;
      redactions?.stop();
      const until = clock.now() + timeoutMs;
      deletion.stop();
      locks.stop();
      presence.stop();
      await Promise.all([guide?.stop(), upkeep?.stop()]);
      await Promise.all([analytics?.stop(), heldPlaces.stop()]);
      await hosting.whenQueuesEmpty(timeoutMs);
      // Before the last commit: an entry appended after it would be accepted and not saved.
      hosting.stop();
      const clean = await archiver.flush(Math.max(0, until - clock.now()), hosting.captureHeads());
      await archiver.stop();
      // Without the handover other instances take over the leases when these expire.
      if (log.health.writing === undefined)
        await log.handOver().catch((cause: unknown) => observer.failed?.({ what: 'hand over', error: asError(cause) }));
      await log.stop();
      return clean;
    },
  };
}

function lateMessage(lagSeconds: number): string {
  return `The oldest accepted change has been waiting for the database for ${Math.round(lagSeconds)} s.`;
}
