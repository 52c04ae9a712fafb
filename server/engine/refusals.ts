import { RefusalError, type Refusal } from '../core/errors.ts';

export function notFound(campaignId: string): RefusalError {
  return new RefusalError('NOT_FOUND', `campaignId: there is no campaign ${campaignId}`, { path: ['campaignId'] });
}

/** The same whether the campaign is there or not: who has no right to it learns nothing of it. */
export function forbidden(campaignId: string, what: string): RefusalError {
  return new RefusalError('FORBIDDEN', `${what}: your token gives no right to this on ${campaignId}`, {
    path: ['campaignId'],
  });
}

/** The token's time is up; another one goes on. */
export function expired(): RefusalError {
  return new RefusalError('UNAUTHORIZED', 'the token has expired; authenticate again');
}

/** Without persistence nothing can be waited for. */
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

/** Not yet taken, so that another instance, or this one after its start, can take it. */
export function shuttingDown(): RefusalError {
  return new RefusalError('UNAVAILABLE', 'the server is shutting down; connect again', { retryAfterMs: 1_000 });
}

export function toError({ reason, message, ...details }: Refusal): RefusalError {
  return new RefusalError(reason, message, details);
}
