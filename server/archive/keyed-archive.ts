import type { AccessKeyStore } from '../core/access-key.ts';
import type { Archive } from '../engine/ports.ts';

/** An archive that stores API keys beside campaigns; the engine sees the campaigns alone. */
export type KeyedArchive = Archive & AccessKeyStore;
