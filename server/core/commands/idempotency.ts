import { isEmptyPatch } from '../document/merge-patch.ts';
import { REDACTED_FINGERPRINT, type LogRecord } from '../stream/log-record.ts';

/** Applied mutation: enough to answer a retry, and to distinguish it from another command under the same id. */
export interface AppliedMutation {
  readonly mutationId: string;
  readonly version: number;
  readonly epoch: string;
  readonly fingerprint: string;
  /** Whether it changed anything: a tombstone says that it did not. */
  readonly changed: boolean;
}

/** What is kept of the entry of a mutation. */
export function appliedBy({ mutationId, version, epoch, fingerprint, type, change }: LogRecord): AppliedMutation {
  // Of a lifecycle command the type is all that there is; it is never pushed, and leaves no tombstone.
  const changed = type === 'archive' || type === 'restore' || !isEmptyPatch(change);
  return { mutationId, version, epoch, fingerprint, changed };
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
  const known = new Map<string, AppliedMutation>();
  // In the order of their versions. The Map has them in that order too, but to find its first key takes time that
  // follows the number of those that were deleted before it.
  let order: AppliedMutation[] = [];
  // Dropped ones stay until they are as many as the others.
  let start = 0;
  let droppedUpTo = floor;
  return {
    remember(applied) {
      // An id that is applied twice (its base named a later version than it was made at) counts by its newer version;
      // its older place in the order counts no more.
      known.set(applied.mutationId, applied);
      order.push(applied);
    },
    find: (mutationId) => known.get(mutationId),
    get floor() {
      return droppedUpTo;
    },
    trim(durableVersion) {
      for (let oldest = order[start]; oldest && known.size > bound; oldest = order[start]) {
        if (known.get(oldest.mutationId) === oldest) {
          if (oldest.version > durableVersion) break;
          known.delete(oldest.mutationId);
          droppedUpTo = oldest.version;
        }
        start += 1;
      }
      if (start * 2 > order.length) {
        order = order.slice(start);
        start = 0;
      }
    },
  };
}
