import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { noteSaved, takesGzip } from './compression.ts';
import { gzipped } from './gzip.ts';

/** What goes with a body that has an entity tag. */
export interface TaggedBodyOptions {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** Level at which it is compressed for clients that offer it; 0: not at all. */
  readonly level: number;
  /** Gzipped bodies by their tag, where the same one is asked for often. */
  readonly cache?: GzipCache;
}

/** Gzipped bodies, the newest. */
export interface GzipCache {
  of(tag: string, make: () => Promise<Buffer | undefined>): Promise<Buffer | undefined>;
}

/** Bytes that an entry takes beside its body: its tag, a promise, and its place in two maps. */
const ENTRY_BYTES = 512;

/**
 * What is not worth compressing is not kept.
 *
 * @param maxBytes of all entries together
 */
export function createGzipCache(maxBytes: number): GzipCache {
  const made = new Map<string, Promise<Buffer | undefined>>();
  const sizes = new Map<string, number>();
  let bytes = 0;

  const drop = (tag: string): void => {
    made.delete(tag);
    bytes -= sizes.get(tag) ?? 0;
    sizes.delete(tag);
  };

  return {
    of(tag, make) {
      const known = made.get(tag);
      const body = known ?? make();
      // The newest last.
      made.delete(tag);
      made.set(tag, body);
      if (known) return body;
      body.then(
        (buffer) => {
          if (made.get(tag) !== body) return;
          if (!buffer) return drop(tag);
          const size = buffer.length + ENTRY_BYTES;
          sizes.set(tag, size);
          bytes += size;
          for (const oldest of made.keys()) {
            if (bytes <= maxBytes) break;
            drop(oldest);
          }
        },
        () => {
          if (made.get(tag) === body) drop(tag);
        },
      );
      return body;
    },
  };
}

/**
 * Answers 200 with JSON and its entity tag, or 304 where the client has it. The gzipped body has a tag of its own, as
 * it is another representation; both are known in `If-None-Match`. What was made is paid for, whatever of it is sent.
 */
export async function answerTagged(answer: string, { req, res, level, cache }: TaggedBodyOptions): Promise<void> {
  const tag = createHash('sha256').update(answer).digest('base64url').slice(0, 27);
  const [plainTag, gzipTag] = [`"${tag}"`, `"${tag}-gzip"`];
  const bytes = Buffer.byteLength(answer);
  // For a client that is gone before it is sent anything, or is sent no body.
  noteSaved(res, bytes);
  res.appendHeader('vary', 'accept-encoding');
  const offersGzip = level > 0 && takesGzip(req);
  const named = namedOf(req.headers['if-none-match'], offersGzip ? [gzipTag, plainTag] : [plainTag, gzipTag]);
  if (named !== undefined) {
    res.setHeader('etag', named === '*' ? plainTag : named);
    res.writeHead(304).end();
    return;
  }
  const make = (): Promise<Buffer | undefined> => gzipped(answer, level);
  const shorter = offersGzip ? await (cache ? cache.of(tag, make) : make()) : undefined;
  res.setHeader('etag', shorter ? gzipTag : plainTag);
  if (shorter) res.setHeader('content-encoding', 'gzip');
  if (req.method !== 'HEAD') noteSaved(res, bytes - (shorter?.length ?? bytes));
  res.writeHead(200, { 'content-type': 'application/json; charset=utf-8' }).end(shorter ?? answer);
}

/** Which of some tags an `If-None-Match` names, the first of them, or `*`. */
function namedOf(header: string | undefined, etags: readonly string[]): string | undefined {
  const named = new Set(header?.split(',').map((one) => one.trim().replace(/^W\//, '')));
  return [...etags, '*'].find((etag) => named.has(etag));
}
