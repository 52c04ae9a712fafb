import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Logger } from 'pino';
import { CAMPAIGN_ID_PATTERN } from '../../core/document/campaign.ts';
import { RefusalError, type Reason } from '../../core/errors.ts';
import { can } from '../../core/permissions.ts';
import { forbidden } from '../../engine/refusals.ts';
import type { SnapshotService } from '../../snapshot/snapshot-service.ts';
import { bearerToken, type Authenticator } from '../connection/auth.ts';

/** Answers `GET /snapshot`. */
export type SnapshotDownload = (req: IncomingMessage, res: ServerResponse) => Promise<void>;

export interface SnapshotDownloadOptions {
  readonly snapshots: SnapshotService | undefined;
  readonly authenticator: Authenticator;
  readonly logger: Logger;
}

/** Campaigns that one request may name. */
const MAX_NAMED_CAMPAIGNS = 1_000;

const STATUSES: Partial<Record<Reason, number>> = {
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  INVALID: 400,
  OVERLOADED: 429,
  UNAVAILABLE: 503,
};

/**
 * The download of a snapshot: `GET /snapshot`, or `GET /snapshot?campaign=a&campaign=b`, for admins of these campaigns,
 * or of all. The file is made while it is read, as fast as its reader takes it. What goes wrong after it has begun cuts
 * it, which whoever reads it notices by its missing end.
 */
export function createSnapshotDownload({
  snapshots,
  authenticator,
  logger,
}: SnapshotDownloadOptions): SnapshotDownload {
  const admit = async (req: IncomingMessage): Promise<{ ids: string[] | undefined; actor: string }> => {
    const identity = await authenticator.identify(bearerToken(req.headers.authorization));
    const named = new URL(`http://host${req.url ?? '/'}`).searchParams.getAll('campaign');
    if (named.length > MAX_NAMED_CAMPAIGNS) {
      const message = `campaign: at most ${MAX_NAMED_CAMPAIGNS} may be named`;
      throw new RefusalError('INVALID', message, { path: ['campaign'], limit: MAX_NAMED_CAMPAIGNS });
    }
    if (!named.every((id) => CAMPAIGN_ID_PATTERN.test(id)))
      throw new RefusalError('INVALID', 'campaign: must be the id of a campaign', { path: ['campaign'] });
    for (const id of named.length > 0 ? named : ['*'])
      if (!can(identity, 'administer', id, true)) throw forbidden(id, 'snapshot');
    return { ids: named.length > 0 ? [...new Set(named)] : undefined, actor: identity.id };
  };

  return async (req, res) => {
    if (req.method !== 'GET') {
      res.writeHead(405, { allow: 'GET' }).end();
      return;
    }
    try {
      const { ids, actor } = await admit(req);
      if (!snapshots)
        throw new RefusalError('UNAVAILABLE', 'This server stores nothing that a snapshot could be taken of');
      const file = Readable.from(snapshots.take(ids), { objectMode: false });
      // The first block is there before the status: an archive that is away is no half of a file.
      await new Promise<void>((resolve, reject) => file.once('readable', resolve).once('error', reject));
      res.writeHead(200, {
        'content-type': 'application/gzip',
        'content-disposition': 'attachment; filename="campaigns.jsonl.gz"',
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
      });
      logger.info({ actor, campaigns: ids?.length }, 'a snapshot is taken');
      await pipeline(file, res);
    } catch (error) {
      if (res.headersSent) {
        logger.warn({ err: error }, 'a snapshot was cut');
        res.destroy();
        return;
      }
      if (!(error instanceof RefusalError)) throw error;
      const { reason, message } = error.refusal;
      const status = STATUSES[reason] ?? 400;
      res.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' });
      res.end(message);
    }
  };
}
