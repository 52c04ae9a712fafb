import type { Sections } from '../core/document/check.ts';
import { asError, RefusalError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import type { Identity } from '../core/permissions.ts';
import { restrictedView } from '../core/stream/views.ts';
import { createRequestArchive } from './calls/request-archive.ts';
import { createArchiver } from './archiving/archiver.ts';
import { createCreation } from './calls/creation.ts';
import { createCampaignHost } from './hosting/campaign-host.ts';
import { createMutations } from './calls/mutations.ts';
import { createMutationReport } from './calls/mutation-report.ts';
import type { EngineObserver } from './observer.ts';
import { refuseOverload } from './calls/overload.ts';
import { createCampaignHistory } from './campaign/history.ts';
import type { Archive, Clock, OrderedLog } from './ports.ts';
import { createReads } from './calls/reads.ts';
import { shuttingDown } from './refusals.ts';
import type { CampaignService } from './service.ts';
import { createTrace } from './calls/trace.ts';

export interface ManagerOptions {
  log: OrderedLog;
  archive: Archive;
  clock: Clock;
  observer?: EngineObserver;
  /** Schemas of whole sections; see `defineSections`. */
  sections?: Sections;
  /** Watched where no id is given. */
  defaultCampaignId?: string;
  /** Whether the archive outlives the process. Without it receipts say `none`. Default true. */
  persistent?: boolean;
  /** `CAMPAIGN_DURABILITY`. Default `accepted`. */
  durability?: 'accepted' | 'durable';
  /** `CAMPAIGN_SUBSCRIBER_BUFFER`, in entries. Default 16. */
  subscriberBuffer?: number;
  /** `CAMPAIGN_IDLE_TTL`, in milliseconds. Default 10 minutes. */
  idleTtl?: number;
  /** `CAMPAIGN_MAX_LOADED`. Default: no bound. */
  maxLoaded?: number;
  /** Entries that may wait for the archive before mutations are refused with `OVERLOADED`. Default 100,000. */
  maxBacklog?: number;
  /** Bytes of them, likewise. Default 256 MiB. */
  maxBacklogBytes?: number;
  /** How long a caller waits for durability, in milliseconds. Default 30 s. */
  durableTimeoutMs?: number;
  /** How long an append may stay without a known outcome, in milliseconds. Default 5 s. */
  appendTimeoutMs?: number;
  /** Fields that callers without a token never see. Default `owner_id`. */
  hiddenFromPublic?: readonly string[];
}

export interface Manager extends CampaignService {
  /** Inserts a start file's campaign where there is none of that id; true where it did. */
  ensure(campaignId: string, state: JsonObject): Promise<boolean>;
  /**
   * Takes no more mutations, answers those that wait, commits all that was accepted; false where that took longer than
   * `patience` ms.
   */
  stop(patience: number): Promise<boolean>;
}

/** Who the server is, where it acts by itself. */
const SYSTEM: Identity = { id: 'system', grants: { '*': 'admin' } };

/**
 * The campaign state of this instance: campaigns in memory, one queue each, everything through one door. It composes,
 * and holds no rules: rights, effects and checks are the core's, order is the log's, what is kept is the archive's.
 *
 * @example
 * const manager = createManager({ log: createMemoryLog(), archive: createMemoryArchive(), clock: systemClock });
 * const receipt = await manager.mutate(caller, 'summer', { type: 'update', updates: { title: 'Summer' } }, {});
 */
export function createManager(options: ManagerOptions): Manager {
  const { log, clock, observer = {}, sections = {}, persistent = true } = options;
  const archive = createRequestArchive(options.archive, observer);
  const { durableTimeoutMs = 30_000, maxLoaded = Number.POSITIVE_INFINITY } = options;
  const publicView = restrictedView(options.hiddenFromPublic ?? ['owner_id']);
  const past = createCampaignHistory(archive);
  const trace = createTrace(clock);
  const startedAt = clock.now();
  let stopping = false;
  let mutations = 0;
  let deliveries = 0;

  const counting: EngineObserver = {
    ...observer,
    mutation(event) {
      mutations += 1;
      observer.mutation?.(event);
    },
    delivered(entries, readers) {
      deliveries += readers;
      observer.delivered?.(entries, readers);
    },
  };

  const hosting = createCampaignHost({
    log,
    archive,
    clock,
    sections,
    publicView,
    persistent,
    observer: counting,
    buffer: options.subscriberBuffer ?? 16,
    // What only memory has must stay there.
    idleTtl: persistent ? (options.idleTtl ?? 600_000) : Number.POSITIVE_INFINITY,
    appendTimeoutMs: options.appendTimeoutMs ?? 5_000,
    recentEntries: 256,
    maxLoaded,
    past,
    onAwaited: () => archiver.hurry(),
  });
  const archiver = createArchiver({
    log,
    archive: options.archive,
    clock,
    observer,
    liveContent: (campaignId) => hosting.peek(campaignId)?.live,
  });
  const { maxBacklog = 100_000, maxBacklogBytes = 256 * 1024 * 1024 } = options;
  const taking = {
    hosting,
    clock,
    persistent,
    report: createMutationReport(clock, counting, trace),
    refuseLoad: () => (stopping ? shuttingDown() : refuseOverload({ log, hosting, maxBacklog, maxBacklogBytes })),
  };
  const mutating = createMutations({ ...taking, durableTimeoutMs, durability: options.durability ?? 'accepted' });
  const creating = createCreation({ ...taking, archive, sections, maxLoaded });

  return {
    ...mutating,
    ...creating,
    ...createReads({ hosting, archive, past, clock, publicView, persistent, durableTimeoutMs }),
    defaultCampaignId: options.defaultCampaignId,

    stats() {
      const { entries, oldestAt } = log.backlog();
      const now = clock.now();
      return {
        campaigns: hosting.size,
        subscribers: hosting.subscribers(),
        mutations,
        deliveries,
        archive: {
          backlogEntries: entries,
          lagSeconds: oldestAt === undefined ? 0 : Math.max(0, now - oldestAt) / 1_000,
          failing: archiver.failing,
        },
        log: { failing: log.failing, clockOffsetSeconds: log.clockOffset / 1_000 },
        uptimeSeconds: (now - startedAt) / 1_000,
      };
    },

    trace: (caller, reader) => trace.listen(reader, caller.signal),

    async ensure(campaignId, state) {
      if ((await archive.heads([campaignId])).length > 0) return false;
      try {
        await creating.create({ identity: SYSTEM, correlationId: clock.id() }, campaignId, state, {
          comment: 'from a start file',
        });
        return true;
      } catch (error) {
        if (error instanceof RefusalError && error.refusal.reason === 'CONFLICT') return false;
        throw error;
      }
    },

    async stop(patience) {
      stopping = true;
      const until = clock.now() + patience;
      await hosting.settled(patience);
      // Before the last commit: what came behind it would be accepted, and gone.
      hosting.stop();
      const clean = await archiver.flush(Math.max(0, until - clock.now()), hosting.untilSaved());
      await archiver.stop();
      // Others find out by themselves, later.
      if (!log.failing)
        await log.handOver().catch((cause: unknown) => observer.failed?.({ what: 'hand over', error: asError(cause) }));
      await log.stop();
      return clean;
    },
  };
}
