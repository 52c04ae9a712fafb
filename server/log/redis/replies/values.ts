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
