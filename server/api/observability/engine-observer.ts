import type { Logger } from 'pino';
import type { EngineObserver } from '../../engine/observer.ts';
import type { Metrics } from './metrics.ts';

/** An append that takes longer is worth a line, in seconds; one in so many milliseconds is enough. */
const SLOW_APPEND = 0.5;
const LINES_APART = 10_000;

/** Turns what the engine tells into metrics and log lines. Mutations are logged by their calls (`logging.ts`). */
export function observe(metrics: Metrics, logger: Logger): EngineObserver {
  let quietUntil = 0;
  return {
    mutation({ type, outcome, seconds, refusal }) {
      metrics.mutations.inc({ type, outcome, reason: refusal?.reason ?? '' });
      metrics.mutationSeconds.observe(seconds);
    },
    appended({ campaignId, entries, seconds }) {
      metrics.appendSeconds.observe(seconds);
      if (seconds < SLOW_APPEND || performance.now() < quietUntil) return;
      quietUntil = performance.now() + LINES_APART;
      logger.warn({ campaignId, entries, durationMs: seconds * 1_000 }, 'the log answers slowly');
    },
    applied() {
      const cameAt = performance.now();
      return () => metrics.fanOutSeconds.observe((performance.now() - cameAt) / 1_000);
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
      logger.warn({ campaignId, lost }, 'the line of this campaign broke; its subscribers were reset');
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
      logger.error({ err: error, attempt, retryInMs }, 'batch could not be committed; it will be tried again');
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
