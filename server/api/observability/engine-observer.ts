import type { Logger } from 'pino';
import type { EngineObserver } from '../../engine/observer.ts';
import type { Metrics } from './metrics.ts';

/** An append that takes longer is logged, in seconds. */
const SLOW_APPEND_SECONDS = 0.5;
/** The least time between two log lines about slow appends, in milliseconds. */
const SLOW_APPEND_LOG_INTERVAL_MS = 10_000;

/** The engine's observer: turns its events into metrics and log lines. Mutations are logged as calls (`logging.ts`). */
export function createEngineObserver(metrics: Metrics, logger: Logger): EngineObserver {
  let silentUntil = 0;
  return {
    mutation({ type, outcome, seconds, refusal }) {
      metrics.mutations.inc({ type, outcome, reason: refusal?.reason ?? '' });
      metrics.mutationSeconds.observe(seconds);
    },
    appended({ campaignId, entries, seconds }) {
      metrics.appendSeconds.observe(seconds);
      if (seconds < SLOW_APPEND_SECONDS || performance.now() < silentUntil) return;
      silentUntil = performance.now() + SLOW_APPEND_LOG_INTERVAL_MS;
      logger.warn({ campaignId, entries, durationMs: seconds * 1_000 }, 'the log answers appends slowly');
    },
    applied() {
      const arrivedAt = performance.now();
      return () => metrics.fanOutSeconds.observe((performance.now() - arrivedAt) / 1_000);
    },
    delivered(entries, readers) {
      metrics.deliveries(readers);
      metrics.deliveredEntries(entries * readers);
    },
    joined(outcome) {
      metrics.joins.inc({ outcome });
    },
    dropped() {
      metrics.drops();
    },
    reset({ campaignId, lost }) {
      metrics.resets();
      logger.warn({ campaignId, lost }, 'the timeline of this campaign was forked; its subscribers were reset');
    },
    loaded(campaignId) {
      metrics.loads();
      logger.debug({ campaignId }, 'campaign loaded');
    },
    evicted(campaignId) {
      metrics.evictions();
      logger.debug({ campaignId }, 'campaign evicted');
    },
    committed({ campaigns, entries, seconds }) {
      metrics.commitSeconds.observe(seconds);
      metrics.commitEntries.observe(entries);
      logger.debug({ campaigns, entries, durationMs: seconds * 1_000 }, 'batch committed');
    },
    commitFailed({ error, attempt, retryInMs }) {
      metrics.commitFailures();
      logger.error({ err: error, attempt, retryInMs }, 'batch could not be committed; it will be retried');
    },
    eventsRecorded({ events, exposures, unverified, seconds }) {
      metrics.eventsRecorded(events);
      metrics.exposures.inc({ verified: 'true' }, exposures - unverified);
      metrics.exposures.inc({ verified: 'false' }, unverified);
      metrics.eventSeconds.observe(seconds);
    },
    eventsRefused(events) {
      metrics.eventsRefused(events);
    },
    placesUnknown: () => metrics.placesUnknown(),
    ruleGuided({ campaignId, rule, what }) {
      metrics.rulesGuided.inc({ what });
      logger.info({ campaignId, rule, what }, 'the server changed a rule by its ramp or its guard');
    },
    analyticsSwept(rows) {
      metrics.analyticsSwept(rows);
      if (rows > 0) logger.info({ rows }, 'events of people that were kept for long enough are removed');
    },
    stalled({ campaignId, error }) {
      metrics.stalls();
      logger.error({ campaignId, err: error }, 'the entries of this campaign cannot be committed');
    },
    failed({ what, campaignId, error }) {
      metrics.failures();
      logger.error({ campaignId, err: error }, what);
    },
  };
}
