/**
 * What is remembered of an applied mutation: enough to answer a retry, and to tell it from another command under the
 * same id.
 */
export interface AppliedMutation {
  mutationId: string;
  version: number;
  epoch: string;
  fingerprint: string;
}

/**
 * The mutation ids of a campaign's newest entries (G3). Every id applied after `floor` is here; whether an older one
 * was applied is for the archive to say. The floor never passes the watermark, so that the two together know every id.
 */
export interface IdempotencyWindow {
  remember(applied: AppliedMutation): void;
  find(mutationId: string): AppliedMutation | undefined;
  /** Ids applied at or before this version may have been forgotten. */
  readonly floor: number;
  /** Forgets the oldest ids beyond the bound, up to the watermark. */
  trim(durableVersion: number): void;
}

/** @param bound how many ids are kept, once they are durable */
export function createIdempotencyWindow(bound: number, floor: number): IdempotencyWindow {
  // A Map keeps the order in which its keys came, which is the order of their versions.
  const known = new Map<string, AppliedMutation>();
  let forgotten = floor;
  return {
    remember(applied) {
      // An id that comes twice (its client lied about the base) moves to its newer version, so that the order stays.
      known.delete(applied.mutationId);
      known.set(applied.mutationId, applied);
    },
    find: (mutationId) => known.get(mutationId),
    get floor() {
      return forgotten;
    },
    trim(durableVersion) {
      for (const [mutationId, applied] of known) {
        if (known.size <= bound || applied.version > durableVersion) return;
        known.delete(mutationId);
        forgotten = applied.version;
      }
    },
  };
}
