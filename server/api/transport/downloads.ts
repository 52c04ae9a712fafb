import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Logger } from 'pino';
import type { AuditService } from '../../audit/audit-service.ts';
import { CAMPAIGN_ID_PATTERN } from '../../core/document/campaign.ts';
import { RefusalError, type Reason } from '../../core/errors.ts';
import { can, type Identity } from '../../core/permissions.ts';
import { forbidden } from '../../engine/refusals.ts';
import type { SnapshotService } from '../../snapshot/snapshot-service.ts';
import { bearerToken, type Authenticator } from '../connection/auth.ts';

/** Answers of any length, for admins, made while they are read. */
export interface Downloads {
  /** Whether it is the path of one. */
  has(path: string): boolean;
  answer(path: string, req: IncomingMessage, res: ServerResponse): Promise<void>;
}

export interface DownloadsOptions {
  readonly snapshots: SnapshotService | undefined;
  readonly audit: AuditService | undefined;
  readonly authenticator: Authenticator;
  readonly logger: Logger;
}

/** The paths of all downloads. */
export const DOWNLOAD_PATHS: ReadonlySet<string> = new Set([
  '/snapshot',
  '/audit/verify',
  '/audit/entries',
  '/audit/events',
]);

/** Campaigns that one request may name. */
const MAX_NAMED_CAMPAIGNS = 1_000;

const STATUSES: Partial<Record<Reason, number>> = {
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  INVALID: 400,
  OVERLOADED: 429,
  UNAVAILABLE: 503,
};

const LINES = 'application/x-ndjson; charset=utf-8';

/** What is downloaded at a path. */
interface Download {
  readonly contentType: string;
  readonly name: string;
  /**
   * @param ids campaigns that the request names; `undefined`: all
   * @returns the answer, chunk by chunk
   */
  make(ids: readonly string[] | undefined, search: URLSearchParams): AsyncIterable<Uint8Array | string>;
}

/**
 * Downloads, each at a path of its own, for admins of the campaigns that `?campaign=a&campaign=b` names, or of all.
 * They are made as fast as they are read. What goes wrong after one has begun cuts it, which whoever reads it notices
 * by its missing end.
 */
export function createDownloads({ snapshots, audit, authenticator, logger }: DownloadsOptions): Downloads {
  const downloads = new Map<string, Download>([
    [
      '/snapshot',
      { contentType: 'application/gzip', name: 'campaigns.jsonl.gz', make: (ids) => present(snapshots).take(ids) },
    ],
    [
      '/audit/verify',
      { contentType: LINES, name: 'findings.jsonl', make: (ids) => linesOf(present(audit).verify(ids)) },
    ],
    [
      '/audit/entries',
      {
        contentType: LINES,
        name: 'entries.jsonl',
        make(ids, search) {
          const [campaignId, ...more] = ids ?? [];
          if (campaignId === undefined || more.length > 0)
            throw new RefusalError('INVALID', 'campaign: one has to be named', { path: ['campaign'] });
          const place = { campaignId, version: numberIn(search, 'after'), tail: search.get('tail') ?? undefined };
          return terminated(present(audit).exportEntries(place));
        },
      },
    ],
    [
      '/audit/events',
      {
        contentType: LINES,
        name: 'events.jsonl',
        make: (_ids, search) => terminated(present(audit).exportEvents(numberIn(search, 'after'))),
      },
    ],
  ]);

  const admit = (identity: Identity, path: string, search: URLSearchParams): readonly string[] | undefined => {
    const named = search.getAll('campaign');
    if (named.length > MAX_NAMED_CAMPAIGNS) {
      const message = `campaign: at most ${MAX_NAMED_CAMPAIGNS} may be named`;
      throw new RefusalError('INVALID', message, { path: ['campaign'], limit: MAX_NAMED_CAMPAIGNS });
    }
    if (!named.every((id) => CAMPAIGN_ID_PATTERN.test(id)))
      throw new RefusalError('INVALID', 'campaign: must be the id of a campaign', { path: ['campaign'] });
    // Events are of no campaign, or of any.
    const needed = named.length > 0 && path !== '/audit/events' ? named : ['*'];
    for (const id of needed) if (!can(identity, 'administer', id, true)) throw forbidden(id, path.slice(1));
    return named.length > 0 ? [...new Set(named)] : undefined;
  };

  return {
    has: (path) => DOWNLOAD_PATHS.has(path),

    async answer(path, req, res) {
      const download = downloads.get(path);
      if (!download || req.method !== 'GET') {
        res.writeHead(405, { allow: 'GET' }).end();
        return;
      }
      try {
        const identity = await authenticator.identify(bearerToken(req.headers.authorization));
        const search = new URL(`http://host${req.url ?? '/'}`).searchParams;
        const ids = admit(identity, path, search);
        const chunks = Readable.from(download.make(ids, search), { objectMode: false });
        // The first chunk is there before the status: an archive that is away is no half of an answer.
        await new Promise<void>((resolve, reject) => {
          chunks.once('readable', resolve).once('end', resolve).once('error', reject);
        });
        res.writeHead(200, {
          'content-type': download.contentType,
          'content-disposition': `attachment; filename="${download.name}"`,
          'cache-control': 'no-store',
          'x-content-type-options': 'nosniff',
        });
        logger.info({ path, actor: identity.id, campaigns: ids?.length }, 'a download begins');
        await pipeline(chunks, res);
      } catch (error) {
        if (res.headersSent) {
          logger.warn({ err: error, path }, 'a download was cut');
          res.destroy();
          return;
        }
        if (!(error instanceof RefusalError)) throw error;
        const { reason, message } = error.refusal;
        const status = STATUSES[reason] ?? 400;
        res.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' });
        res.end(message);
      }
    },
  };
}

function present<T>(service: T | undefined): T {
  if (service !== undefined) return service;
  throw new RefusalError('UNAVAILABLE', 'This server stores nothing that could be downloaded', { retryable: false });
}

function numberIn(search: URLSearchParams, name: string): number {
  const text = search.get(name) ?? '0';
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new RefusalError('INVALID', `${name}: must be a whole number`, { path: [name] });
}

async function* linesOf(items: AsyncIterable<object>): AsyncGenerator<string, void, undefined> {
  for await (const item of items) yield `${JSON.stringify(item)}\n`;
}

/** Lines, and one that says that these were all: a cut answer has none. */
async function* terminated(lines: AsyncIterable<string>): AsyncGenerator<string, void, undefined> {
  let count = 0;
  for await (const line of lines) {
    count += 1;
    yield `${line}\n`;
  }
  yield `${JSON.stringify({ line: 'end', lines: count })}\n`;
}
