/** The public door of `@campaign-state/server`. */
export type { AuthKey } from './api/auth.ts';
export { createLogger } from './api/logging.ts';
export type { LogLevel } from './api/logging.ts';
export type { AppRouter } from './api/router.ts';
export { createMemoryArchive, openPgliteArchive, openPostgresArchive } from './archive/index.ts';
export { createCampaignServer } from './campaign-server.ts';
export type { CampaignServer, CampaignServerOptions } from './campaign-server.ts';
export type { CampaignState } from './core/campaign.ts';
export { defineSections } from './core/check.ts';
export type { Sections } from './core/check.ts';
export { normaliseCampaignFile } from './core/normalise.ts';
export type { StartCampaign } from './core/normalise.ts';
export type { Archive, OrderedLog } from './engine/ports.ts';
export type { CampaignService } from './engine/service.ts';
export { createMemoryLog } from './log/memory-log.ts';
