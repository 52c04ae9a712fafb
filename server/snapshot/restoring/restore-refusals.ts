import { RefusalError } from '../../core/errors.ts';
import type { SnapshotCampaign } from '../read-snapshot.ts';
import type { RestoreOptions } from './restore-options.ts';

/** The campaign that is asked for is not in the file, or not at that time, or damaged there. */
export function notInFile(
  { campaignId = '' }: RestoreOptions,
  absent: readonly string[],
  [damaged]: readonly { problem: string }[],
): Error {
  const why =
    absent.length > 0
      ? 'was not there at that time'
      : damaged
        ? `is not in the file: ${damaged.problem}`
        : 'is not in the file';
  return new RefusalError('NOT_FOUND', `campaignId: ${campaignId} ${why}`, { path: ['campaignId'] });
}

/** What is asked for was compacted away before the snapshot was taken. */
export function beginsLater({ campaignId, base }: SnapshotCampaign): RefusalError {
  const message = `at: the file has ${campaignId} from version ${(base?.version ?? 0) + 1} on; older entries were compacted away`;
  return new RefusalError('NOT_FOUND', message, { path: ['at'] });
}

/** A campaign of its id is being deleted. */
export function beingDeleted(campaignId: string): RefusalError {
  const message = `campaignId: ${campaignId} is being deleted; restore again when that is over`;
  return new RefusalError('UNAVAILABLE', message, { path: ['campaignId'], retryAfterMs: 1_000 });
}

/** A campaign of its id is there, and is not to be replaced. */
export function exists(campaignId: string): RefusalError {
  const message = `campaignId: ${campaignId} exists already; restore over it, or as another id`;
  return new RefusalError('CONFLICT', message, { path: ['campaignId'] });
}

/** Something of what is restored was redacted since it was read, or what was staged is gone. */
export function overtaken(): RefusalError {
  const message =
    'Something of what is restored was redacted meanwhile, or nothing came for too long; restore it again';
  return new RefusalError('UNAVAILABLE', message, { retryAfterMs: 1_000 });
}
