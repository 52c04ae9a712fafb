import { hash } from 'node:crypto';
import { isJsonObject, type JsonValue } from '../../core/json.ts';
import type { LogRecord, SealedEntry } from '../ports.ts';

/** The tail before the first entry. */
export const FIRST_TAIL = '';

/**
 * Writes a record's bytes, once and for all, and chains their hash to the tail before: two lines that differ in any
 * byte of any entry never share a tail again, which versions alone do not give (a stale replica can reach the same
 * number with other content).
 */
export function seal(record: LogRecord, previousTail: string): SealedEntry {
  const bytes = JSON.stringify(record);
  return { record, bytes, tail: nextTail(previousTail, bytes) };
}

/** `sha256(previous ‖ bytes)`, in base64url. */
export function nextTail(previousTail: string, bytes: string): string {
  return hash('sha256', previousTail + bytes, 'base64url');
}

/** Tells one command from another under the same mutation id; the order of members does not count. */
export function fingerprint(command: object): string {
  return hash('sha256', canonical(command as JsonValue), 'base64url').slice(0, 16);
}

/** As JSON, with members sorted by name. One string that grows: every command is written this way. */
function canonical(value: JsonValue | undefined): string {
  let text = '';
  if (Array.isArray(value)) {
    for (const item of value) text += `${text === '' ? '' : ','}${canonical(item)}`;
    return `[${text}]`;
  }
  if (!isJsonObject(value)) return JSON.stringify(value) ?? 'null';
  for (const key of Object.keys(value).sort()) {
    if (value[key] !== undefined) text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${canonical(value[key])}`;
  }
  return `{${text}}`;
}
