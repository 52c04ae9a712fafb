import { RefusalError } from '../core/errors.ts';
import { HEALTHY_LOG } from '../engine/ports.ts';
import type { CampaignService } from '../engine/service.ts';

/**
 * Stand-in for the engine where `CAMPAIGN_STATE_ENABLED` is `false`: every campaign procedure is refused with
 * `UNAVAILABLE`.
 */
export function createDisabledService(): CampaignService {
  const refuse = (): never => {
    throw new RefusalError('UNAVAILABLE', 'Campaign state is switched off on this server (CAMPAIGN_STATE_ENABLED)');
  };
  const refuseLater = async (): Promise<never> => refuse();
  return {
    defaultCampaignId: undefined,
    mutate: refuseLater,
    push: refuseLater,
    create: refuseLater,
    delete: refuseLater,
    fieldAccess: () => undefined,
    get: refuseLater,
    list: refuseLater,
    watchList: refuse,
    history: refuseLater,
    at: refuseLater,
    versionAt: refuseLater,
    diff: refuseLater,
    explain: refuseLater,
    schema: refuse,
    whenDurable: refuseLater,
    watch: refuse,
    join: refuseLater,
    trace: refuse,
    presence: { watch: refuse, set: refuse, attend: refuse, relayed: refuse },
    replicas: { image: refuseLater, look: refuseLater, heads: refuse, watch: refuse, count: refuse },
    fleets: { report: refuseLater },
    analytics: undefined,
    locks: {
      acquire: refuseLater,
      renew: refuseLater,
      release: refuseLater,
      steal: refuseLater,
      list: refuseLater,
      watch: refuse,
    },
    stats: () => ({
      campaigns: 0,
      subscribers: 0,
      queuedWeight: 0,
      mutations: 0,
      deliveries: 0,
      resumes: 0,
      snapshots: 0,
      slowReaders: 0,
      archive: { backlogEntries: 0, lagSeconds: 0, failing: false },
      log: { failing: false, isShared: false, ...HEALTHY_LOG, clockOffsetSeconds: 0 },
      analytics: { waiting: 0, maxWaiting: 0 },
      uptimeSeconds: process.uptime(),
    }),
  };
}
