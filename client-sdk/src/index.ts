export { createCampaignClient, type CampaignClientOptions, type UndoOptions } from './client.ts';
export type { Clock } from './clock.ts';
export type { Logger } from './logger.ts';
export type { TokenSource } from './link/token-provider.ts';
export type {
  CampaignDocument,
  CampaignUpdates,
  CampaignView,
  DeepReadonly,
  FeatureName,
  Patch,
  Register,
  SectionName,
  SectionValue,
} from './document.ts';
export { CampaignError, toCampaignError } from './errors.ts';
export type { WebSocketConstructor, WebSocketLike } from './link/live-socket.ts';
export type { KeyValueStorage } from './device/key-value-storage.ts';
export type { AppState, Network } from './link/network.ts';
export { defineSections, type SectionSchema } from './sections.ts';
export type { Conflict } from './sync/conflicts.ts';
export { prefetchCampaign, type PrefetchOptions } from './prefetch.ts';
export { within, type WaitOptions } from './within.ts';
export type { CampaignSeed } from './sync/seed.ts';
export type {
  BatchBuilder,
  Campaign,
  CampaignClient,
  CampaignLoadStatus,
  CampaignLock,
  CampaignSnapshot,
  Change,
  ConnectionReason,
  ConflictPolicy,
  ConnectionState,
  ConnectionStatus,
  EditOptions,
  HeldLock,
  JobLock,
  LockOptions,
  Pace,
  Readable,
  RejectedMutation,
  Renewal,
  StorageStatus,
  SyncState,
  SyncStatus,
} from './types.ts';
export type { AppRouter } from '../../server/api/procedures/router.ts';
export type {
  CampaignState,
  CampaignStatus,
  ConfigSection,
  UiComponent,
  UiContent,
} from '../../server/core/document/campaign.ts';
export type { DescribedFields, DocumentSchema } from '../../server/core/document/described/described-fields.ts';
export { diff, mergePatch } from '../../server/core/document/merge-patch.ts';
export { jsonEqual, type JsonObject, type JsonValue } from '../../server/core/json.ts';
export type { Viewer } from '../../server/core/document/targeting-fields.ts';
export type { Assignment, Assignments } from '../../server/core/targeting/evaluate.ts';
export type { ConfigMode, FeaturesAction } from '../../server/core/commands/command.ts';
export type { Actor, Durability, Entry, EntryType, Receipt, ViewEntry } from '../../server/core/stream/entry.ts';
export type { Position, VersionName } from '../../server/core/stream/position.ts';
export type { Path, Reason } from '../../server/core/errors.ts';
export type { PresenceWatchEvent, WatchEvent } from '../../server/core/stream/events.ts';
export type { ListedCampaign, ListEvent } from '../../server/core/stream/list-events.ts';
