import { RefusalError } from '../../../core/errors.ts';
import { API_LIMITS } from '../../limits.ts';

/**
 * Bytes of the http bodies that are not complete, by who pays for them. `held-bytes.ts` cuts whoever holds too many;
 * one that holds all that it may has its next bodies refused before they are read: they would be cut after it.
 */
export class UnfinishedBodies {
  readonly #bytes = new Map<string, number>();

  /** Counts bytes that have come, or with a negative number those that are complete or gone. */
  add(payer: string, bytes: number): void {
    const held = (this.#bytes.get(payer) ?? 0) + bytes;
    if (held > 0) this.#bytes.set(payer, held);
    else this.#bytes.delete(payer);
  }

  /** Why this caller may not begin another body; `undefined` where it may. */
  refusal(payer: string): RefusalError | undefined {
    const limit = API_LIMITS.unfinishedBytesOfCaller;
    if ((this.#bytes.get(payer) ?? 0) < limit) return undefined;
    return new RefusalError('RATE_LIMITED', `The unfinished bodies of one caller may have at most ${limit} bytes`, {
      limit,
    });
  }
}
