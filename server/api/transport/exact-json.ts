import { findUnsafeInteger } from '../../core/document/issues/unsafe-integer.ts';

/**
 * JSON with integers beyond 2^53 as `bigint`, which every schema refuses with the path of its field: `JSON.parse` alone
 * would round them silently.
 */
export function parseExactJson(text: string): unknown {
  // The reviver is several times slower, and hardly ever needed.
  return findUnsafeInteger(text) ? JSON.parse(text, exactly) : JSON.parse(text);
}

function exactly(_key: string, value: unknown, context?: { source?: string }): unknown {
  const isRounded = typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value);
  return isRounded && /^-?\d+$/.test(context?.source ?? '') ? BigInt(context?.source ?? 0) : value;
}
