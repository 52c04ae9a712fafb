import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FieldRights } from '../core/permissions.ts';

/** The lowest that brings an entry of 4 KB of prose to about a third. */
export const DEFAULT_COMPRESSION_LEVEL = 4;
/** Bytes below which nothing is compressed: what fits into one packet is no faster for being smaller. */
export const COMPRESSED_FROM_BYTES = 1_024;
/**
 * Bytes, or characters, from which on the lowest level is taken: a long text repeats itself often enough for that, and
 * would take milliseconds of everybody's turn. In an SSE stream it is not compressed at all.
 */
export const LARGE_BYTES = 32 * 1_024;
/** What it has to come to, as a part of itself, to be worth it. */
export const WORTHWHILE = 0.9;

/**
 * The level at which a server compresses; 0 where a field is kept from readers: an editor who may not read it must not
 * learn of it by the length of what others are sent.
 *
 * @param asked `CAMPAIGN_COMPRESSION`
 */
export function compressionLevel(rights: FieldRights, asked: number = DEFAULT_COMPRESSION_LEVEL): number {
  return Object.values(rights).some(({ read }) => read !== undefined && read !== 'viewer') ? 0 : asked;
}

/** The names of the encodings that a client takes, by its `Accept-Encoding`. */
export function acceptedEncodings(header: string | readonly string[] | undefined): ReadonlySet<string> {
  const names = String(header ?? '')
    .toLowerCase()
    .split(',')
    .filter((item) => !/;\s*q=0(\.0*)?\s*$/.test(item))
    .map((item) => item.split(';')[0]?.trim() ?? '');
  return new Set(names.filter((name) => name !== ''));
}

export function takesGzip({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  return acceptedEncodings(headers['accept-encoding']).has('gzip');
}

/** Bytes by which responses were shortened: what making them costs does not depend on that. */
const saved = new WeakMap<ServerResponse, number>();

export function noteSaved(res: ServerResponse, bytes: number): void {
  saved.set(res, bytes);
}

export function bytesSaved(res: ServerResponse): number {
  return saved.get(res) ?? 0;
}
