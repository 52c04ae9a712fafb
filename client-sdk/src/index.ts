export { createCampaignClient, type CampaignClientOptions } from './client.ts';
export type { Clock } from './clock.ts';
export type { TokenSource } from './connection.ts';
export type { CampaignDocument, CampaignUpdates, FeatureName, Patch, Register, SectionValue } from './document.ts';
export { CampaignError, toCampaignError } from './errors.ts';
export type { WebSocketConstructor, WebSocketLike } from './live-socket.ts';
export type { Network } from './network.ts';
export { defineSections, type SectionSchema } from './sections.ts';
export { prefetchCampaign, type CampaignSeed } from './seed.ts';
export type {
  BatchBuilder,
  Campaign,
  CampaignClient,
  CampaignLoadStatus,
  CampaignSnapshot,
  Change,
  ConnectionState,
  ConnectionStatus,
  EditOptions,
  Pace,
  Readable,
  RejectedMutation,
  SyncState,
  SyncStatus,
} from './types.ts';
export type { AppRouter } from '../../server/api/router.ts';
export type { CampaignState, CampaignStatus, ConfigSection, UiComponent, UiContent } from '../../server/core/campaign.ts';
export type { ConfigMode, FeaturesAction } from '../../server/core/command.ts';
export type { Actor, Durability, Entry, EntryType, Position, Receipt, VersionName, ViewEntry } from '../../server/core/entry.ts';
export type { Path, Reason } from '../../server/core/errors.ts';
export type { WatchEvent } from '../../server/core/stream.ts';
