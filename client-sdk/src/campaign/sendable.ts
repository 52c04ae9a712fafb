import type { EditCommand } from '../../../server/core/commands/command.ts';
import { utf8Bytes } from '../../../server/core/document/plain-json.ts';
import { LIMITS } from '../../../server/core/limits.ts';
import { CampaignError } from '../errors.ts';
import type { PushLimits } from '../sync/pending.ts';
import type { EditOptions } from '../types.ts';

/**
 * How much one push carries, and how large one mutation may be: twice a document, and with its envelope still below the
 * frame that the server takes. A larger frame would end the link, and being resent end every link after it.
 */
export const PUSH_LIMITS: PushLimits = { mutations: LIMITS.pushMutations, bytes: 2 * LIMITS.documentBytes };

/** Mutations that may wait on a device, per campaign. */
const MAX_PENDING = 1_000;

/** Why an edit is refused before it is sent: it is too large, its options are none, or too many wait already. */
export function sendingError(
  command: EditCommand,
  pendingCount: number,
  options: EditOptions = {},
): CampaignError | undefined {
  const wrong = wrongOption(options);
  if (wrong) return wrong;
  const bytes = utf8Bytes(JSON.stringify(command));
  if (bytes > PUSH_LIMITS.bytes) {
    return new CampaignError({
      reason: 'TOO_LARGE',
      message: `The change takes ${bytes} bytes; at most ${PUSH_LIMITS.bytes} can be sent`,
      limit: PUSH_LIMITS.bytes,
    });
  }
  if (pendingCount < MAX_PENDING) return undefined;
  const message = `${MAX_PENDING} changes wait to be saved; no more are taken before some are`;
  return new CampaignError({ reason: 'OVERLOADED', message, limit: MAX_PENDING });
}

/** What is sent beside a command is checked as it is: one that is no JSON, or has no end, would end the link. */
function wrongOption({ comment, expectedVersion }: EditOptions): CampaignError | undefined {
  if (comment !== undefined && (typeof comment !== 'string' || comment.length > LIMITS.commentLength)) {
    const message = `comment: at most ${LIMITS.commentLength} characters`;
    return new CampaignError({ reason: 'TOO_LARGE', message, path: ['comment'], limit: LIMITS.commentLength });
  }
  const isVersion = typeof expectedVersion === 'string' || Number.isSafeInteger(expectedVersion);
  if (expectedVersion === undefined || isVersion) return undefined;
  const message = 'expectedVersion: a version (a whole number) or a position';
  return new CampaignError({ reason: 'INVALID', message, path: ['expectedVersion'] });
}
