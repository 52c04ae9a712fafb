import type { Clock } from '../clock.ts';

export interface Retention {
  /** To be called whenever the need may have changed. */
  readonly need: (needed: boolean) => void;
  /** Stops at once, for good. */
  readonly end: () => void;
}

/**
 * Keeps something going while it is needed, and for a moment after: whoever leaves and comes back finds it still there.
 */
export function createRetention(
  { start, stop }: { readonly start: () => void; readonly stop: () => void },
  clock: Clock,
  lingerMs: number,
): Retention {
  let going = false;
  let ended = false;
  let cancel = () => {};

  function end(): void {
    cancel();
    if (going) stop();
    going = false;
    ended = true;
  }

  return {
    need(needed) {
      cancel();
      if (ended || needed === going) return;
      if (needed) {
        going = true;
        start();
        return;
      }
      cancel = clock.after(lingerMs, () => {
        going = false;
        stop();
      });
    },
    end,
  };
}
