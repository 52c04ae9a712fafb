import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { SnapshotRun } from '../../core/history-store.ts';
import type { ServiceStats } from '../../engine/service.ts';
import { droppedLogLines } from './logging.ts';

const PREFIX = 'campaign_state_';

/** Histogram buckets in seconds: from an operation in memory, a tenth of a millisecond, to the longest timeouts. */
const SECONDS_BUCKETS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];
/** Histogram buckets for numbers of entries. */
const ENTRIES_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000];

/**
 * The sampling interval of the event-loop lag, in milliseconds; an idle event loop has about this lag. With the default
 * of 10 the sampling is most of the work of an idle server.
 */
const EVENT_LOOP_SAMPLE_MS = 20;

/** Figures of periodic snapshots. */
interface SnapshotFigures {
  readonly everyMs: number;
  readonly last: SnapshotRun | undefined;
  readonly failures: number;
}

/** All metrics of the service. Campaign ids are not labels, because their number has no bound. */
export type Metrics = ReturnType<typeof createMetrics>;

/**
 * The registry and the metrics of one server.
 *
 * @param stats read at every scrape
 */
export function createMetrics(stats: () => ServiceStats) {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: PREFIX, eventLoopMonitoringPrecision: EVENT_LOOP_SAMPLE_MS });
  const common = { registers: [registry] };

  gauge('subscribers', 'Open subscriptions to campaigns', () => stats().subscribers);
  gauge('campaigns_loaded', 'Campaigns in memory', () => stats().campaigns);
  gauge(
    'queued_weight',
    'Weight of the mutations that wait to be decided; a change of a few fields, or of 2 KiB of text, weighs 1',
    () => stats().queuedWeight,
  );
  gauge('archive_lag_entries', 'Accepted entries that are not committed yet', () => stats().archive.backlogEntries);
  gauge(
    'archive_lag_seconds',
    'Age of the oldest accepted entry that is not committed yet',
    () => stats().archive.lagSeconds,
  );
  gauge('archive_failing', '1 while commits to the archive fail', () => Number(stats().archive.failing));
  gauge('log_failing', '1 while reading or writing of the log fails', () => Number(stats().log.failing));
  failureGauge('archive_failure', 'Why commits to the archive fail: 1 for the cause of now', [], (set) => {
    const { failure } = stats().archive;
    if (failure) set({ cause: failure.cause });
  });
  failureGauge('log_failure', 'Why the log fails: 1 for the part and the cause of now', ['part'], (set) => {
    const { reading, writing, settings } = stats().log;
    for (const [part, failure] of Object.entries({ reading, writing, settings }))
      if (failure) set({ part, cause: failure.cause });
  });

  gauge(
    'clock_offset_seconds',
    'Difference between the clocks of this instance and of Redis, positive where this one is ahead; 0 without Redis',
    () => stats().log.clockOffsetSeconds,
  );

  function gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      ...common,
      name: PREFIX + name,
      help,
      collect() {
        this.set(read());
      },
    });
  }

  /** A gauge with a label `cause`, of which only present failures have a value. */
  function failureGauge(
    name: string,
    help: string,
    labels: readonly string[],
    read: (set: (values: Record<string, string>) => void) => void,
  ): void {
    new Gauge({
      ...common,
      name: PREFIX + name,
      help,
      labelNames: [...labels, 'cause'],
      collect() {
        this.reset();
        read((values) => this.set(values, 1));
      },
    });
  }

  /** A counter without labels for hot paths: a plain number until the next scrape. */
  function tally(name: string, help: string): (count?: number) => void {
    let pending = 0;
    new Counter({
      ...common,
      name: PREFIX + name,
      help,
      collect() {
        this.inc(pending);
        pending = 0;
      },
    });
    return (count = 1) => {
      pending += count;
    };
  }

  function histogram(name: string, help: string, buckets: number[]) {
    return new Histogram({ ...common, name: PREFIX + name, help, buckets });
  }

  /** What snapshots there are; `undefined` where none are taken. */
  let snapshots: (() => SnapshotFigures) | undefined;
  gauge(
    'snapshot_interval_seconds',
    'Time from one periodic snapshot to the next; 0 where none are taken',
    () => (snapshots?.().everyMs ?? 0) / 1_000,
  );
  gauge(
    'snapshot_last_success_timestamp_seconds',
    'When the last periodic snapshot was saved, by any instance; 0 where there was none',
    () => (snapshots?.().last?.at ?? 0) / 1_000,
  );
  gauge('snapshot_last_size_bytes', 'Size of the last periodic snapshot', () => snapshots?.().last?.bytes ?? 0);
  gauge(
    'snapshot_last_duration_seconds',
    'Time that the last periodic snapshot took',
    () => snapshots?.().last?.seconds ?? 0,
  );
  gauge(
    'snapshot_last_damaged_campaigns',
    'Campaigns that are not in the last periodic snapshot, because their rows do not fit together',
    () => snapshots?.().last?.damaged ?? 0,
  );
  gauge(
    'snapshot_failures',
    'Periodic snapshots that this instance could not save since its start',
    () => snapshots?.().failures ?? 0,
  );

  gauge('analytics_backlog_events', 'Rows of events that are not durable yet', () => stats().analytics.waiting);
  gauge(
    'analytics_backlog_limit_events',
    'How many may wait before more are refused; 0 where none are recorded',
    () => stats().analytics.maxWaiting,
  );
  const removedUnits = tally('analytics_removed_units_total', 'Rows of people that the retention removed');
  /** Until the first time it is the start. */
  let sweptAt = Date.now();
  gauge(
    'analytics_retention_last_success_timestamp_seconds',
    'When this instance last applied the retention of analytics, or was started',
    () => sweptAt / 1_000,
  );

  return {
    registry,
    /** Sets where the figures of periodic snapshots are read at every scrape. */
    watchSnapshots(read: () => SnapshotFigures): void {
      snapshots = read;
    },
    connections: new Gauge({
      ...common,
      name: `${PREFIX}connections`,
      help: 'Open ws connections and SSE streams',
      labelNames: ['transport'],
    }),
    unsentBytes: new Gauge({
      ...common,
      name: `${PREFIX}unsent_bytes`,
      help: 'Bytes that all connections together hold unsent, because their clients do not read',
    }),
    mutations: new Counter({
      ...common,
      name: `${PREFIX}mutations_total`,
      help: 'Answered mutations',
      labelNames: ['type', 'outcome', 'reason'],
    }),
    mutationSeconds: histogram(
      'mutation_duration_seconds',
      'Time from the arrival of a mutation to its answer',
      SECONDS_BUCKETS,
    ),
    fanOutSeconds: histogram(
      'fan_out_duration_seconds',
      'Time from the arrival of an entry at this instance until it is written to all of its live subscribers',
      SECONDS_BUCKETS,
    ),
    appendSeconds: histogram(
      'log_append_duration_seconds',
      'Time that the log took to answer an append',
      SECONDS_BUCKETS,
    ),
    deliveries: tally('deliveries_total', 'Events, counted once for each subscriber that they were sent to'),
    deliveredEntries: tally('delivered_entries_total', 'Entries in these events'),
    joins: new Counter({
      ...common,
      name: `${PREFIX}joins_total`,
      help: 'Subscriptions that started, by what they started with: entries, or a snapshot for the given reason',
      labelNames: ['outcome'],
    }),
    drops: tally(
      'reader_drops_total',
      'Subscribers that fell behind and got a snapshot in place of the entries that they missed',
    ),
    tcpConnections: new Gauge({
      ...common,
      name: `${PREFIX}tcp_connections`,
      help: 'Open connections of all kinds: http, SSE and ws',
    }),
    unfinishedBytes: new Gauge({
      ...common,
      name: `${PREFIX}unfinished_bytes`,
      help: 'Bytes of unfinished http bodies and ws messages that all connections together hold',
    }),
    compactedEntries: new Counter({
      ...common,
      name: `${PREFIX}compacted_entries_total`,
      help: 'Entries that this instance has deleted because HISTORY_KEEP keeps them no longer',
    }),
    accessKeyUses: new Counter({
      ...common,
      name: `${PREFIX}access_key_uses_total`,
      help: 'Requests and connections that were authenticated with an API key, by its id; links to previews as one',
      labelNames: ['key'],
    }),
    cuts: new Counter({
      ...common,
      name: `${PREFIX}connections_cut_total`,
      help: 'Connections that the server closed by itself, by cause',
      labelNames: ['cause'],
    }),
    callerConnectionsRefused: tally(
      'caller_connections_refused_total',
      'Ws connections and SSE streams that were refused, because their caller has as many as one caller may have',
    ),
    clientsMoved: tally('clients_moved_total', 'Clients that were asked to connect again, so that the fleet evens out'),
    logLinesDropped: new Counter({
      ...common,
      name: `${PREFIX}log_lines_dropped_total`,
      help: 'Log lines that were dropped, because stdout is not read or cannot be written',
      collect() {
        this.reset();
        this.inc(droppedLogLines());
      },
    }),
    resets: tally('resets_total', 'Campaigns whose timeline was forked'),
    loads: tally('loads_total', 'Campaigns that were loaded into memory'),
    evictions: tally('evictions_total', 'Campaigns that were evicted from memory because they were idle'),
    commitSeconds: histogram('archive_commit_duration_seconds', 'Time that a commit took', SECONDS_BUCKETS),
    commitEntries: histogram('archive_batch_entries', 'Entries in one commit', ENTRIES_BUCKETS),
    commitFailures: tally('archive_failures_total', 'Commits that failed and were retried'),
    stalls: tally(
      'archive_stalls_total',
      'Stalls of one campaign: its entries could not be committed while those of others could',
    ),
    eventsRecorded: tally('analytics_events_total', 'Rows of exposures, goals and paints that were recorded'),
    eventsRefused: tally('analytics_events_refused_total', 'Rows that were refused, because too many waited'),
    eventSeconds: histogram('analytics_record_duration_seconds', 'Time that recording took', SECONDS_BUCKETS),
    rulesGuided: new Counter({
      ...common,
      name: `${PREFIX}analytics_rules_guided_total`,
      help: 'Steps of ramps, pauses and rollbacks that this instance made',
      labelNames: ['what'],
    }),
    placesUnknown: tally(
      'targeting_places_unknown_total',
      'Viewers whose held places the database did not tell in time',
    ),
    exposures: new Counter({
      ...common,
      name: `${PREFIX}analytics_exposures_total`,
      help: 'Exposures that were recorded, by whether the server would have assigned that arm',
      labelNames: ['verified'],
    }),
    analyticsSwept(rows: number) {
      removedUnits(rows);
      sweptAt = Date.now();
    },
    eventLoopStalls: tally(
      'event_loop_stalls_total',
      'Event-loop stalls of two seconds or longer: the process was stopped, starved, or asleep',
    ),
    failures: tally('failures_total', 'Unexpected errors that were contained'),
  };
}
