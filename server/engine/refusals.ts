import { RefusalError, type Refusal } from '../core/errors.ts';
import { roleRefusal } from '../core/permissions.ts';

/** There is no such campaign, or it is a draft that the caller may not see: the message is the same. */
export function notFound(campaignId: string): RefusalError {
  return new RefusalError('NOT_FOUND', `campaignId: there is no campaign ${campaignId}`, { path: ['campaignId'] });
}

/** The campaign was deleted: whoever knew it forgets it. */
export function deleted(campaignId: string, deletedAt: number): RefusalError {
  return new RefusalError('NOT_FOUND', `campaignId: ${campaignId} was deleted`, { path: ['campaignId'], deletedAt });
}

/** {@link roleRefusal}, as an exception. */
export function forbidden(campaignId: string, what: string): RefusalError {
  return toError(roleRefusal(campaignId, what));
}

/** The token has expired; with another one the same call may succeed. */
export function expired(): RefusalError {
  return new RefusalError('UNAUTHORIZED', 'The token has expired; authenticate again');
}

/** Durability was asked of a server without persistence. */
export function notPersistent(): RefusalError {
  return new RefusalError(
    'UNAVAILABLE',
    'durability: persistence is off on this server, so that nothing becomes durable',
    {
      path: ['durability'],
      retryable: false,
    },
  );
}

/** The server is stopping and has not accepted the call; another instance, or this one after its start, can. */
export function shuttingDown(): RefusalError {
  return new RefusalError('UNAVAILABLE', 'the server is shutting down; connect again', { retryAfterMs: 1_000 });
}

/** A refusal as an exception. */
export function toError({ reason, message, ...details }: Refusal): RefusalError {
  return new RefusalError(reason, message, details);
}
