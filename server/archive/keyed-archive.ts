import type { AccessKeyStore } from '../core/access-key.ts';
import type { HistoryStore } from '../core/history-store.ts';
import type { Archive } from '../engine/ports.ts';

/** An archive that stores API keys beside campaigns, and moves whole histories; the engine sees the campaigns alone. */
export type KeyedArchive = Archive & AccessKeyStore & HistoryStore;
