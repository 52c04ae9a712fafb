import type { Refusal } from '../../core/errors.ts';
import { toError } from '../../engine/refusals.ts';

/**
 * Mutations that are refused once the rate is passed. What a ws connection sends behind these waits until more are
 * allowed: who does not listen costs no more, and whoever sent much at once has it done after all.
 */
export const REFUSED_BEYOND_RATE = 16;

/**
 * The mutation rate of a connection, once it is passed. What is refused counts too (`mutation-rate.ts`), so that until
 * the time of a refusal is over every other mutation would be refused as well, whatever it weighs: they are refused
 * before they are read.
 */
export class PassedRate {
  readonly #now: () => number;
  #caller = '';
  #refusal: Refusal | undefined;
  #until = 0;
  #refused = 0;

  /** @param now monotonic clock, in milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** A mutation of that caller was refused by the rate. */
  onRefused(caller: string, refusal: Refusal): void {
    const goesOn = caller === this.#caller && this.#leftMs() > 0;
    this.#refused = goesOn ? this.#refused + 1 : 1;
    if (goesOn) return;
    this.#caller = caller;
    this.#refusal = refusal;
    this.#until = this.#now() + (refusal.retryAfterMs ?? 0);
  }

  /**
   * Refuses a mutation of that caller while the rate is passed. Who has become somebody else has a rate of its own.
   *
   * @throws RefusalError as the rate has it, with the time that is left
   */
  refuse(caller: string): void {
    const retryAfterMs = this.#leftMs();
    if (!this.#refusal || retryAfterMs === 0 || caller !== this.#caller) return;
    this.#refused += 1;
    throw toError({ ...this.#refusal, retryAfterMs });
  }

  /** Milliseconds until more may be read of who goes on sending; 0 where it may now. */
  waitMs(): number {
    return this.#refused >= REFUSED_BEYOND_RATE ? this.#leftMs() : 0;
  }

  #leftMs(): number {
    return Math.max(0, Math.ceil(this.#until - this.#now()));
  }
}
