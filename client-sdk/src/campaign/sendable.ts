import type { EditCommand, Mutation } from '../../../server/core/commands/command.ts';
import { utf8Bytes } from '../../../server/core/document/plain-json.ts';
import { CLIENT_LIMITS } from '../../../server/core/limits.ts';
import { CampaignError, invalid } from '../errors.ts';
import type { PushLimits } from '../sync/pending.ts';
import type { EditOptions } from '../types.ts';

/**
 * How much one push carries, and how large one mutation may be: twice a document, and with its envelope still below the
 * frame that the server takes. A larger frame would end the link, and being resent end every link after it.
 */
export const PUSH_LIMITS: PushLimits = {
  mutations: CLIENT_LIMITS.pushMutations,
  bytes: 2 * CLIENT_LIMITS.documentBytes,
};

/** Mutations that may wait on a device, per campaign. */
const MAX_PENDING = 1_000;

/** The options of an edit that travel with it. */
export type TravellingOptions = Pick<Mutation, 'expectedVersion' | 'comment'>;

/** Reads the options of an edit, in which nothing may stand that cannot be sent. */
export function readOptions(options: EditOptions = {}): TravellingOptions | CampaignError {
  const { expectedVersion, comment } = options;
  if (expectedVersion !== undefined && !isVersionName(expectedVersion))
    return invalid(['expectedVersion'], 'must be a version or a position');
  if (comment !== undefined && typeof comment !== 'string') return invalid(['comment'], 'must be text');
  if (comment !== undefined && comment.length > CLIENT_LIMITS.commentLength) {
    const message = `comment: ${comment.length} characters; at most ${CLIENT_LIMITS.commentLength}`;
    return new CampaignError({ reason: 'TOO_LARGE', message, path: ['comment'], limit: CLIENT_LIMITS.commentLength });
  }
  return { ...(expectedVersion !== undefined && { expectedVersion }), ...(comment !== undefined && { comment }) };
}

export function isVersionName(value: unknown): boolean {
  return typeof value === 'string' || Number.isSafeInteger(value);
}

/** Why a command is refused before it is sent: it is too large, or too many wait already. */
export function sendingError(command: EditCommand, pendingCount: number): CampaignError | undefined {
  if (command.type === 'batch' && command.commands.length > CLIENT_LIMITS.batchCommands) {
    const message = `The batch has ${command.commands.length} commands; at most ${CLIENT_LIMITS.batchCommands} can be sent`;
    return new CampaignError({ reason: 'TOO_LARGE', message, limit: CLIENT_LIMITS.batchCommands });
  }
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
