import type { Clock } from '../clock.ts';

export interface Linger {
  /** To be called whenever the need may have changed. */
  readonly need: (needed: boolean) => void;
  /** Stops at once, for good. */
  readonly end: () => void;
}

/**
 * Keeps something going while it is needed, and for a moment after: whoever leaves and comes back finds it still there.
 */
export function createLinger(
  { start, stop }: { readonly start: () => void; readonly stop: () => void },
  clock: Clock,
  lingerMs: number,
): Linger {
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
