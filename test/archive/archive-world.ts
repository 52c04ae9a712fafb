import type { KeyedArchive } from '../../server/archive/keyed-archive.ts';

/** Storage of its own, on which archives are opened one after the other. */
export interface ArchiveWorld {
  open(options: { soleUser: boolean }): Promise<KeyedArchive>;
  /** Whether several archives can be open on it. */
  shared: boolean;
  /** Removes the storage; every archive on it has been stopped. */
  dispose(): Promise<void>;
}
