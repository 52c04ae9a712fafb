import { seal } from '../../core/stream/hash-chain.ts';
import type { LogRecord, SealedEntry } from '../../core/stream/log-record.ts';
import type { Clock } from '../ports.ts';

/**
 * Seals records with a random salt each, of 144 bits. The chain of hashes commits to what an entry says, and the salt
 * makes that commitment hide it: once a value and its salt are redacted, the tail that stays still proves that the
 * entry was there, and tells nobody who guesses whether the guess was right.
 *
 * Rejected: hashes of single values, salted one by one, as the leaves of a tree in each entry. They would let one value
 * go and prove the others without a signature, and cost every entry a hash and a salt for each of its values.
 */
export function saltedSeal({ token }: Pick<Clock, 'token'>): (record: LogRecord, previousTail: string) => SealedEntry {
  return (record, previousTail) => seal({ ...record, salt: token() + token() }, previousTail);
}
