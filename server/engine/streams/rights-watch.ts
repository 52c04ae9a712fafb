import type { Clock } from '../ports.ts';
import type { Reader } from '../service.ts';

/** The longest delay of a timer, in milliseconds; for a token that is valid for longer the timer is set again then. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Watch over one reader's rights: calls back when its identity is replaced, and when its token expires, although
 * nothing else may happen on its stream at that time. It only wakes the stream (`fan-out.ts`); `subscriber.ts` decides
 * and refuses.
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
    onRightsChanged: () => void,
  ) {
    this.#reader = reader;
    this.#clock = clock;
    this.#changed = () => {
      this.#scheduleExpiry();
      onRightsChanged();
    };
    this.#stopIdentity = reader.onIdentity(this.#changed);
    this.#scheduleExpiry();
  }

  stop(): void {
    this.#stopIdentity();
    this.#cancelExpiry?.();
  }

  #scheduleExpiry(): void {
    this.#cancelExpiry?.();
    this.#cancelExpiry = undefined;
    const { expiresAt } = this.#reader.identity();
    if (expiresAt === undefined) return;
    const delay = Math.min(Math.max(0, expiresAt - this.#clock.now()), LONGEST_TIMER_MS);
    this.#cancelExpiry = this.#clock.after(delay, this.#changed);
  }
}
