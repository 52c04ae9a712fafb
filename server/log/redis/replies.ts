import type { LogRecord, SealedEntry } from '../../core/stream/log-record.ts';

/** A reply or publication that has another shape than our scripts give it: a defect, reported as such. */
export class UnexpectedReplyError extends Error {
  override readonly name = 'UnexpectedReplyError';
  constructor(source: string, reply: unknown) {
    super(`Redis answered ${source} with ${JSON.stringify(reply)?.slice(0, 200)}`);
  }
}

/** @throws UnexpectedReplyError */
export function asList(source: string, reply: unknown): readonly unknown[] {
  if (!Array.isArray(reply)) throw new UnexpectedReplyError(source, reply);
  return reply;
}

/** @throws UnexpectedReplyError */
export function asText(source: string, value: unknown): string {
  if (typeof value !== 'string') throw new UnexpectedReplyError(source, value);
  return value;
}

/**
 * A version or a generation: these travel as text, which Lua cannot round.
 *
 * @throws UnexpectedReplyError
 */
export function asVersion(source: string, value: unknown): number {
  const version = Number(asText(source, value));
  if (!Number.isSafeInteger(version)) throw new UnexpectedReplyError(source, value);
  return version;
}

/**
 * Stream entries as XRANGE gives them: `[id, ['b', bytes, 't', tail]]`.
 *
 * @throws UnexpectedReplyError
 */
export function toEntries(source: string, reply: unknown): SealedEntry[] {
  return asList(source, reply).map((item) => {
    const [, fields] = asList(source, item);
    const [, bytes, , tail] = asList(source, fields);
    return toSealedEntry(asText(source, bytes), asText(source, tail));
  });
}

/** The bytes are the record: they were written by `seal`. */
function toSealedEntry(bytes: string, tail: string): SealedEntry {
  return { record: JSON.parse(bytes) as LogRecord, bytes, tail };
}

/** A publication on a campaign's channel. */
export type Publication =
  | { kind: 'entry'; sealed: SealedEntry }
  /** The watermark has moved. */
  | { kind: 'durable'; epoch: string; version: number }
  /** The campaign has entered the log anew, under that generation. */
  | { kind: 'seeded'; generation: number }
  /** Its archiver has given the lease up, and entries are waiting. */
  | { kind: 'released' }
  /** The log has lost entries: every instance saves those that it holds. */
  | { kind: 'lost' };

/** The publication of kind `released`. */
export const RELEASED = 'l';

/** @throws UnexpectedReplyError */
export function toPublication(message: string): Publication {
  const rest = message.slice(1);
  const space = rest.indexOf(' ');
  switch (message[0]) {
    case 'e':
      return { kind: 'entry', sealed: toSealedEntry(rest.slice(space + 1), rest.slice(0, space)) };
    case 'd':
      return { kind: 'durable', epoch: rest.slice(0, space), version: asVersion('a watermark', rest.slice(space + 1)) };
    case 'r':
      return { kind: 'seeded', generation: asVersion('a seed', rest) };
    case RELEASED:
      return { kind: 'released' };
    case 's':
      return { kind: 'lost' };
    default:
      throw new UnexpectedReplyError('a publication', message);
  }
}
