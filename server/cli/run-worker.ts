import { basename, dirname } from 'node:path';
import { createLogger } from '../api/observability/logging.ts';
import { createCampaignRelay } from '../campaign-relay.ts';
import { explain, giveUp } from './commands/explain.ts';
import type { Announcement } from './announcement.ts';
import { announcementOf } from './announcement.ts';
import type { Config } from './config.ts';
import { workerMetrics } from './worker-metrics.ts';
import { STOP_MESSAGE, type WorkerTask } from './workers.ts';

/**
 * Runs this process as a worker: a relay of the primary, on the primary's port. It ends when the primary says so, or
 * has ended; SIGTERM makes it end in order and be started anew, and Ctrl+C is the primary's affair.
 */
export async function runWorker(config: Config, task: WorkerTask, site: string | undefined): Promise<Announcement> {
  const logger = createLogger(config.logLevel).child({ worker: task.number, pid: process.pid });
  const { workers } = task;
  try {
    const relay = await createCampaignRelay({
      ...config,
      upstream: `unix:${task.socket}`,
      key: task.key,
      metricsPort: undefined,
      // They have one port together; its folder's name is that of no other primary's.
      fleet: config.fleet ?? basename(dirname(task.socket)),
      // What holds for the whole server is divided.
      maxConnections: Math.ceil(config.maxConnections / workers),
      ...(config.maxConnectionsPerCaller !== undefined && {
        maxConnectionsPerCaller: Math.ceil(config.maxConnectionsPerCaller / workers),
      }),
      ...(config.maxUnsentBytes !== undefined && { maxUnsentBytes: Math.ceil(config.maxUnsentBytes / workers) }),
      scrape: workerMetrics(task.number),
      logger,
      ...(site !== undefined && { site }),
    });
    const end = (code: number): void => void relay.close().finally(() => process.exit(code));
    process.on('message', (message) => message === STOP_MESSAGE && end(0));
    process.once('disconnect', () => end(0));
    process.once('SIGTERM', () => end(0));
    process.on('SIGINT', () => undefined);
    void relay.ended.then(() => end(1));
    return announcementOf(relay.url, config);
  } catch (error) {
    giveUp(explain(error, config, logger));
  }
}
