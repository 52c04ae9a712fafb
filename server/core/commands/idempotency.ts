import { REDACTED_FINGERPRINT } from '../stream/log-record.ts';

/** Applied mutation: enough to answer a retry, and to distinguish it from another command under the same id. */
export interface AppliedMutation {
  readonly mutationId: string;
  readonly version: number;
  readonly epoch: string;
  readonly fingerprint: string;
}

/** Whether a mutation is the one that was applied under its id, as far as can be told of one that was redacted. */
export function isSameCommand(applied: Pick<AppliedMutation, 'fingerprint'>, fingerprint: string): boolean {
  return applied.fingerprint === fingerprint || applied.fingerprint === REDACTED_FINGERPRINT;
}

/**
 * Idempotency window of a campaign: the mutation ids of its newest entries (G3). Every id applied after `floor` is in
 * the window; older ones are asked of the archive. The floor never passes the watermark, so that the two together know
 * every id.
 */
export interface IdempotencyWindow {
  remember(applied: AppliedMutation): void;
  find(mutationId: string): AppliedMutation | undefined;
  /** Ids applied at or before this version may have been dropped. */
  readonly floor: number;
  /** Drops the oldest ids beyond the bound, up to the watermark. */
  trim(durableVersion: number): void;
}

/**
 * Creates an empty window.
 *
 * @param bound how many durable ids are kept
 * @param floor the version before the first id
 */
export function createIdempotencyWindow(bound: number, floor: number): IdempotencyWindow {
  // A Map keeps the order in which its keys came, which is the order of their versions.
  const known = new Map<string, AppliedMutation>();
  let droppedUpTo = floor;
  return {
    remember(applied) {
      // An id that is applied twice (its base named a later version than it was made at) moves to its newer version,
      // which keeps the order.
      known.delete(applied.mutationId);
      known.set(applied.mutationId, applied);
    },
    find: (mutationId) => known.get(mutationId),
    get floor() {
      return droppedUpTo;
    },
    trim(durableVersion) {
      for (const [mutationId, applied] of known) {
        if (known.size <= bound || applied.version > durableVersion) return;
        known.delete(mutationId);
        droppedUpTo = applied.version;
      }
    },
  };
}
