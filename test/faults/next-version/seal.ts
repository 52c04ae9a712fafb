import { seal as sealOfThisVersion } from '../../../server/core/stream/hash-chain.ts';
import type { LogRecord, SealedEntry } from '../../../server/core/stream/log-record.ts';
import { NEXT } from './next.ts';

/*
 * The hash chain of the next version: all of this version's, but `seal` writes what only the next version knows.
 */
export * from '../../../server/core/stream/hash-chain.ts';

export function seal(record: LogRecord, previousTail: string): SealedEntry {
  const type = record.type === 'update' ? NEXT.type : record.type;
  const next = { ...record, type, format: NEXT.format, [NEXT.member]: NEXT.value };
  // A later version has types and members that this one's types do not have.
  return sealOfThisVersion(next as LogRecord, previousTail);
}
