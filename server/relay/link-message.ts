import { RefusalError } from '../core/errors.ts';
import { findUnsafeInteger } from '../core/document/issues/unsafe-integer.ts';
import { LIMITS } from '../core/limits.ts';
import { API_LIMITS } from '../api/limits.ts';

// ES2026: TypeScript's library does not have it yet.
const { rawJSON } = JSON as typeof JSON & { rawJSON(text: string): unknown };

/**
 * A message to upstream as JSON. Nothing is registered for it before it is encoded: what one caller has sent may end
 * that call, and nothing else.
 *
 * Numbers are written as their caller may have written them. Upstream reads exactly, and refuses an integer beyond 2^53
 * by the name of its field: those that came as `bigint` are passed on as they are, to be refused so; those that came as
 * `1e20` go as that, for the digits that `JSON.stringify` makes of it would be refused.
 *
 * @throws RefusalError `TOO_LARGE` where upstream would close the connection for its length, which may be more than
 *   what the caller sent: `1e15` becomes sixteen digits. `INVALID` where it cannot be written
 */
export function encodeLinkMessage(message: object): string {
  const text = exactJsonOf(message);
  const bytes = Buffer.byteLength(text);
  const limit = API_LIMITS.forwardedBytes;
  if (bytes <= limit) return text;
  const what = `input: comes to ${bytes} bytes of JSON as it is passed on upstream; at most ${limit} are allowed`;
  throw new RefusalError('TOO_LARGE', what, { limit, path: ['input'] });
}

function exactJsonOf(message: object): string {
  try {
    const text = plainJsonOf(message);
    return text === undefined || findUnsafeInteger(text) ? JSON.stringify(message, exactly) : text;
  } catch (cause) {
    // V8 parses what it has not the stack to write.
    if (!(cause instanceof RangeError)) throw cause;
    const what = `input: is nested too deeply to be passed on upstream; documents have at most ${LIMITS.depth} levels`;
    throw new RefusalError('INVALID', what, { limit: LIMITS.depth, path: ['input'] });
  }
}

/** `undefined` where it holds a `bigint`. */
function plainJsonOf(message: object): string | undefined {
  try {
    return JSON.stringify(message);
  } catch (cause) {
    if (cause instanceof TypeError) return undefined;
    throw cause;
  }
}

function exactly(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return rawJSON(String(value));
  const isRounded = typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value);
  return isRounded ? rawJSON(value.toExponential()) : value;
}
