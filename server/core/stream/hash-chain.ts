import { hash } from 'node:crypto';
import { canonicalJson, type JsonValue } from '../json.ts';
import type { LogRecord, SealedEntry } from './log-record.ts';

/** Tail before the first entry. */
export const FIRST_TAIL = '';

/**
 * Seals a record: writes its bytes, once and for all, and chains their hash to the previous tail. Two timelines that
 * differ in any byte of any entry never share a tail again; versions alone do not give that, because a stale replica
 * can reach the same version with other content.
 */
export function seal(record: LogRecord, previousTail: string): SealedEntry {
  const bytes = JSON.stringify(record);
  return { record, bytes, tail: nextTail(previousTail, bytes) };
}

/** Tail after an entry of those bytes: `sha256(previous ‖ bytes)` in base64url. */
export function nextTail(previousTail: string, bytes: string): string {
  return hash('sha256', previousTail + bytes, 'base64url');
}

/** Hash of the bytes of an entry alone: what a statement about a redaction proves of what is left. */
export function hashOfBytes(bytes: string): string {
  return hash('sha256', bytes, 'base64url');
}

/**
 * Fingerprint of a command: tells it from another command under the same mutation id. The order of object members does
 * not count.
 */
export function fingerprint(command: object): string {
  return hash('sha256', canonicalJson(command as JsonValue), 'base64url').slice(0, 16);
}

/**
 * The proof that what a relay was sent so far is whole and in order: a hash chained over everything that went before.
 *
 * @param parts of the newest message: its text, or its head and those of its entries
 */
export function nextProof(previous: string, parts: readonly string[]): string {
  return hash('sha256', [previous, ...parts].join('\n'), 'base64url').slice(0, 22);
}
