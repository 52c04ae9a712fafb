import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { ServiceStats } from '../../engine/service.ts';

const PREFIX = 'campaign_state_';

/** From a tenth of a millisecond, what memory takes, to ten seconds, what nobody should wait. */
const SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const ENTRIES = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000];

/**
 * How often the delay of the event loop is sampled, in milliseconds; what it says of one at rest is about this. At the
 * default of 10 the sampling is most of what an idle server does.
 */
const LOOP_SAMPLE_MS = 20;

/** Every instrument of the service. Campaign ids are no labels: their number has no bound. */
export type Metrics = ReturnType<typeof createMetrics>;

/** @param stats read whenever the metrics are */
export function createMetrics(stats: () => ServiceStats) {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: PREFIX, eventLoopMonitoringPrecision: LOOP_SAMPLE_MS });
  const common = { registers: [registry] };

  gauge('subscribers', 'Open subscriptions to campaigns', () => stats().subscribers);
  gauge('campaigns_loaded', 'Campaigns in memory', () => stats().campaigns);
  gauge('archive_lag_entries', 'Entries that are accepted and not yet committed', () => stats().archive.backlogEntries);
  gauge('archive_lag_seconds', 'Age of the oldest entry that is not yet committed', () => stats().archive.lagSeconds);
  gauge('archive_failing', '1 while the archive cannot be written', () => Number(stats().archive.failing));
  gauge('log_failing', '1 while the log cannot be reached', () => Number(stats().log.failing));

  gauge(
    'clock_offset_seconds',
    'By how much the clock of this instance is ahead of that of Redis; 0 without Redis',
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

  /** A counter without labels on a hot path: a plain number until somebody looks. */
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

  return {
    registry,
    connections: new Gauge({
      ...common,
      name: `${PREFIX}connections`,
      help: 'Open ws connections and SSE streams',
      labelNames: ['transport'],
    }),
    unreadBytes: new Gauge({
      ...common,
      name: `${PREFIX}unread_bytes`,
      help: 'Bytes that all connections hold of what their clients have not read',
    }),
    mutations: new Counter({
      ...common,
      name: `${PREFIX}mutations_total`,
      help: 'Mutations that were answered',
      labelNames: ['type', 'outcome', 'reason'],
    }),
    mutationSeconds: histogram('mutation_duration_seconds', 'From the arrival of a mutation to its answer', SECONDS),
    fanOutSeconds: histogram(
      'fan_out_duration_seconds',
      'From the arrival of an entry at this instance to its being written to all of its subscribers that keep up',
      SECONDS,
    ),
    appendSeconds: histogram('log_append_duration_seconds', 'Time that the log took to answer one append', SECONDS),
    deliveries: tally('deliveries_total', 'Events that went to one subscriber each'),
    deliveredEntries: tally('delivered_entries_total', 'Entries in these events'),
    joins: new Counter({
      ...common,
      name: `${PREFIX}joins_total`,
      help: 'Subscriptions that were answered, from entries or with a snapshot for that reason',
      labelNames: ['outcome'],
    }),
    drops: tally(
      'reader_drops_total',
      'Readers that fell behind and were given a snapshot instead of what they missed',
    ),
    cuts: tally(
      'connections_cut_total',
      'Connections that held the most of what clients do not read, cut because all of it was too much',
    ),
    resets: tally('resets_total', 'Campaigns whose line of history broke'),
    loads: tally('loads_total', 'Campaigns that were loaded into memory'),
    evictions: tally('evictions_total', 'Campaigns that left memory because nobody used them'),
    commitSeconds: histogram('archive_commit_duration_seconds', 'Time that one commit took', SECONDS),
    commitEntries: histogram('archive_batch_entries', 'Entries in one commit', ENTRIES),
    commitFailures: tally('archive_failures_total', 'Commits that failed and were tried again'),
    stalls: tally(
      'archive_stalls_total',
      'Times that the entries of one campaign could not be committed while others could',
    ),
    standstills: tally(
      'standstills_total',
      'Times that this process stood still for seconds: stopped, starved, or asleep',
    ),
    failures: tally('failures_total', 'Things that should not happen, and were contained'),
  };
}
