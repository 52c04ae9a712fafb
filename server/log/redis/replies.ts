import type { LogRecord, SealedEntry } from '../../engine/ports.ts';

/** What scripts answer and channels carry, read once and typed; anything else is a fault of ours, and is said to be. */

export class UnexpectedReply extends Error {
  override readonly name = 'UnexpectedReply';
  constructor(what: string, reply: unknown) {
    super(`Redis answered ${what} with ${JSON.stringify(reply)?.slice(0, 200)}`);
  }
}

export function asList(what: string, reply: unknown): readonly unknown[] {
  if (!Array.isArray(reply)) throw new UnexpectedReply(what, reply);
  return reply;
}

export function asText(what: string, value: unknown): string {
  if (typeof value !== 'string') throw new UnexpectedReply(what, value);
  return value;
}

/** Versions and generations travel as text, which Lua cannot round. */
export function asVersion(what: string, value: unknown): number {
  const version = Number(asText(what, value));
  if (!Number.isSafeInteger(version)) throw new UnexpectedReply(what, value);
  return version;
}

/** The bytes are the record: they were written by `seal`. */
export function toSealed(bytes: string, tail: string): SealedEntry {
  return { record: JSON.parse(bytes) as LogRecord, bytes, tail };
}

/** Stream entries as XRANGE gives them: `[id, ['b', bytes, 't', tail]]`. */
export function toEntries(what: string, reply: unknown): SealedEntry[] {
  return asList(what, reply).map((item) => {
    const [, fields] = asList(what, item);
    const [, bytes, , tail] = asList(what, fields);
    return toSealed(asText(what, bytes), asText(what, tail));
  });
}

/**
 * What a campaign's channel carries: an entry, a watermark, the generation under which the campaign has entered the log
 * anew, or that whoever archived it has gone and left something waiting.
 */
export type Publication =
  | { kind: 'entry'; sealed: SealedEntry }
  | { kind: 'durable'; epoch: string; version: number }
  | { kind: 'seeded'; generation: number }
  | { kind: 'released' };

export const RELEASED = 'l';

export function toPublication(message: string): Publication {
  const rest = message.slice(1);
  const space = rest.indexOf(' ');
  switch (message[0]) {
    case 'e':
      return { kind: 'entry', sealed: toSealed(rest.slice(space + 1), rest.slice(0, space)) };
    case 'd':
      return { kind: 'durable', epoch: rest.slice(0, space), version: asVersion('a watermark', rest.slice(space + 1)) };
    case 'r':
      return { kind: 'seeded', generation: asVersion('a seeding', rest) };
    case RELEASED:
      return { kind: 'released' };
    default:
      throw new UnexpectedReply('a publication', message);
  }
}
