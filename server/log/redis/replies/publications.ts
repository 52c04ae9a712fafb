import type { LogRecord, SealedEntry } from '../../../core/stream/log-record.ts';
import { toLockPublication, type LockPublication } from './lock-rows.ts';
import { asList, asText, asVersion, UnexpectedReplyError } from './values.ts';

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
  /** An instance says who is there; an empty text: nobody. */
  | { kind: 'presence'; instance: string; text: string }
  /** The lock table has changed. */
  | { kind: 'locks'; publication: LockPublication }
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
    case 'p':
      return { kind: 'presence', instance: rest.slice(0, space), text: rest.slice(space + 1) };
    case 'k':
      return { kind: 'locks', publication: toLockPublication(rest) };
    case 's':
      return { kind: 'lost' };
    default:
      throw new UnexpectedReplyError('a publication', message);
  }
}
