import type { ServerResponse } from 'node:http';
import type { CreateHTTPContextOptions } from '@trpc/server/adapters/standalone';
import { COMPRESSED_FROM_BYTES, noteSaved, takesGzip } from '../compression.ts';
import type { Connection } from '../connection/context.ts';
import { PRICES } from '../connection/work-budget.ts';
import { gzipped, GzipStream } from '../gzip.ts';

/*
 * What procedures answer over http, compressed. The length of what is compressed tells whoever sees it on the wire how
 * much of it is said twice, so that no text of somebody's choice may stand beside what is kept from him (CRIME,
 * BREACH). It does not where an answer is of one campaign, which whoever writes into it may read: its document, its
 * history and its stream. Answers of others (lists, keys, locks, the audit, results), refusals among them, and batches
 * over several campaigns go as they are; so does presence.
 */

/** Procedures whose answers are of one campaign. */
const OF_ONE_CAMPAIGN: ReadonlySet<string> = new Set([
  'campaign.get',
  'campaign.at',
  'campaign.diff',
  'campaign.history',
]);
/** Those whose events are each of one campaign, and are compressed each by itself. */
const STREAMS: ReadonlySet<string> = new Set(['campaign.watch', 'campaign.watchMany']);

/**
 * Compresses the answer to the calls of a request, where its client offers it and that is safe.
 *
 * @param connection pays for the compression of a stream; an answer is paid for when it is sent
 */
export async function compressCalls(
  { req, res, info }: Pick<CreateHTTPContextOptions, 'req' | 'res' | 'info'>,
  level: number,
  connection: Pick<Connection, 'chargeAnswer'>,
): Promise<void> {
  if (level === 0 || !takesGzip(req)) return;
  // Answers one by one, as they are ready.
  if (info.accept !== null) return;
  const isStream = info.type === 'subscription';
  const allowed = isStream ? STREAMS : OF_ONE_CAMPAIGN;
  if (info.calls.length === 0 || !info.calls.every(({ path }) => allowed.has(path))) return;
  if (isStream) compressStream(res, level, connection);
  else if (await areOfOneCampaign(info)) compressAnswer(res, level);
}

/** Whether all calls of a batch name the same campaign. */
async function areOfOneCampaign({ calls }: CreateHTTPContextOptions['info']): Promise<boolean> {
  try {
    const inputs = await Promise.all(calls.map((call) => call.getRawInput()));
    const ids = new Set(inputs.map(campaignOf));
    return ids.size === 1 && !ids.has(undefined);
  } catch {
    // Its calls are refused.
    return false;
  }
}

function campaignOf(input: unknown): unknown {
  return typeof input === 'object' && input !== null && 'campaignId' in input ? input.campaignId : undefined;
}

/** Has what is written to a response held until its end, and sent compressed. */
function compressAnswer(res: ServerResponse, level: number): void {
  const end = res.end.bind(res);
  const chunks: Uint8Array[] = [];
  const finish = async (): Promise<void> => {
    const plain = Buffer.concat(chunks);
    // For a client that is gone before it is made.
    noteSaved(res, plain.length);
    const made = res.statusCode === 200 ? await gzipped(plain, level) : undefined;
    if (res.destroyed) return;
    noteSaved(res, made ? plain.length - made.length : 0);
    if (made) res.setHeader('content-encoding', 'gzip');
    res.setHeader('content-length', (made ?? plain).length);
    end(made ?? plain);
  };
  // tRPC's adapter writes bytes, and ends without any.
  Object.assign(res, {
    write(chunk: Uint8Array): boolean {
      chunks.push(chunk);
      return true;
    },
    end(): ServerResponse {
      if (chunks.length === 0) return end();
      finish().catch((error: unknown) => res.destroy(error instanceof Error ? error : undefined));
      return res;
    },
  });
}

/** An event of presence in a stream: what members say of themselves stands beside names. */
const PRESENCE = Buffer.from('"type":"presence"');

/**
 * Has each event that is written to a response compressed by itself. Paid for are the first of some length, as over ws,
 * and those that were deflated for this stream alone: not what others write, and many are sent.
 */
function compressStream(res: ServerResponse, level: number, connection: Pick<Connection, 'chargeAnswer'>): void {
  const write = res.write.bind(res);
  const end = res.end.bind(res);
  let stream: GzipStream | undefined;
  let isFirst = true;
  /** Bytes that are not charged yet: too few for a point. */
  let owed = 0;
  let made = 0;
  const charge = (bytes: number): void => {
    owed += bytes;
    if (owed < PRICES.bytesPerPoint) return;
    connection.chargeAnswer(owed);
    owed %= PRICES.bytesPerPoint;
  };
  Object.assign(res, {
    write(chunk: Uint8Array): boolean {
      if (!stream && !res.headersSent && isEventStream(res)) {
        stream = new GzipStream((bytes) => (made = bytes));
        res.setHeader('content-encoding', 'gzip');
      }
      if (!stream) return write(chunk);
      const isPresence = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).includes(PRESENCE);
      made = 0;
      const sent = stream.write(chunk, isPresence ? 0 : level);
      const isPaid = isFirst && chunk.length >= COMPRESSED_FROM_BYTES;
      if (isPaid) isFirst = false;
      charge(isPaid ? chunk.length : made);
      return write(sent);
    },
    end(): ServerResponse {
      return stream ? end(stream.end()) : end();
    },
  });
}

function isEventStream(res: ServerResponse): boolean {
  return String(res.getHeader('content-type')).startsWith('text/event-stream');
}
