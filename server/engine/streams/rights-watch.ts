import type { Clock } from '../ports.ts';
import type { Reader } from '../service.ts';

/** Timers hold 31 bits of milliseconds; a token that is valid for longer is looked at again then. */
const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * Calls back whenever a reader's rights are others: when its identity is replaced, and when its token expires (trap
 * 17).
 */
export class RightsWatch {
  readonly #reader: Pick<Reader, 'identity' | 'onIdentity'>;
  readonly #clock: Pick<Clock, 'now' | 'after'>;
  readonly #changed: () => void;
  readonly #stopIdentity: () => void;
  #cancelExpiry: (() => void) | undefined;

  constructor(
    reader: Pick<Reader, 'identity' | 'onIdentity'>,
    clock: Pick<Clock, 'now' | 'after'>,
    onRights: () => void,
  ) {
    this.#reader = reader;
    this.#clock = clock;
    this.#changed = () => {
      this.#awaitExpiry();
      onRights();
    };
    this.#stopIdentity = reader.onIdentity(this.#changed);
    this.#awaitExpiry();
  }

  stop(): void {
    this.#stopIdentity();
    this.#cancelExpiry?.();
  }

  #awaitExpiry(): void {
    this.#cancelExpiry?.();
    this.#cancelExpiry = undefined;
    const { expiresAt } = this.#reader.identity();
    if (expiresAt === undefined) return;
    const wait = Math.min(Math.max(0, expiresAt - this.#clock.now()), LONGEST_TIMER);
    this.#cancelExpiry = this.#clock.after(wait, this.#changed);
  }
}
