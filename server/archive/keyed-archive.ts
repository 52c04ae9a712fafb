import type { AnalyticsStore } from '../core/analytics/analytics-store.ts';
import type { AuditStore } from '../core/audit-store.ts';
import type { CompactionStore } from '../core/compaction-store.ts';
import type { AccessKeyStore } from '../core/access-key.ts';
import type { HeldPlaceStore } from '../core/targeting/held-place-store.ts';
import type { HistoryStore } from '../core/history-store.ts';
import type { Archive } from '../engine/ports.ts';

/**
 * An archive that stores API keys beside campaigns, moves whole histories, keeps the audit, counts events and
 * holds places; the
 * engine sees the campaigns alone.
 */
export type KeyedArchive = Archive &
  AccessKeyStore &
  CompactionStore &
  HistoryStore &
  AuditStore &
  AnalyticsStore &
  HeldPlaceStore;
