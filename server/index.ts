/** The public exports of `@campaign-state/server`. */
export { MINIMUM_SECRET_LENGTH } from './api/connection/auth.ts';
export type { AuthKey } from './api/connection/auth.ts';
export { createLogger } from './api/observability/logging.ts';
export type { LogLevel } from './api/observability/logging.ts';
export { isLoopback } from './api/transport/origin.ts';
export type { AppRouter } from './api/procedures/router.ts';
export {
  ArchiveError,
  createMemoryArchive,
  createMemoryStore,
  openPgliteArchive,
  openPostgresArchive,
} from './archive/index.ts';
export type {
  ArchiveErrorKind,
  MemoryArchiveOptions,
  MemoryStore,
  PgliteArchiveOptions,
  PostgresArchiveOptions,
} from './archive/index.ts';
export { createCampaignRelay } from './campaign-relay.ts';
export type { CampaignRelay, CampaignRelayOptions } from './campaign-relay.ts';
export { createCampaignServer } from './campaign-server.ts';
export type { CampaignServer } from './campaign-server.ts';
export type { CampaignServerOptions } from './campaign-server-options.ts';
export { CAMPAIGN_ID_PATTERN } from './core/document/campaign.ts';
export type { CampaignState } from './core/document/campaign.ts';
export { defineSections } from './core/document/check.ts';
export type { Sections } from './core/document/check.ts';
export type { DescribedFields, DocumentSchema } from './core/document/described/described-fields.ts';
export { openVariants } from './core/document/described/open-variants.ts';
export { normaliseCampaignFile } from './core/document/normalise.ts';
export type { StartCampaign } from './core/document/normalise.ts';
export { rendered } from './core/document/rendered/rendered.ts';
export type {
  ImageSource,
  RenderedHtmlOptions,
  RenderedScriptOptions,
  RenderedUrlOptions,
  ScriptSource,
} from './core/document/rendered/rendered.ts';
export type { Archive, OrderedLog } from './engine/ports.ts';
export type { CampaignService } from './engine/service.ts';
export { ROLES } from './core/permissions.ts';
export type { FieldRight, FieldRights, Role } from './core/permissions.ts';
export { systemClock } from './engine/system-clock.ts';
export { createMemoryLog } from './log/memory-log.ts';
export { createRedisLog } from './log/redis-log.ts';
export type { RedisLog, RedisLogOptions } from './log/redis-log.ts';
