import type { Clock } from './clock.ts';

/** A grace period before something is stopped: whoever leaves and comes back within it finds it still running. */
export interface Linger {
  /** To be called whenever the need may have changed. */
  readonly need: (needed: boolean) => void;
  /** Stops at once, for good. */
  readonly end: () => void;
}

/**
 * Starts something when it is needed, and stops it once it has not been needed for a while.
 *
 * @param lingerMs how long it goes on unneeded, in milliseconds
 */
export function createLinger(
  { start, stop }: { readonly start: () => void; readonly stop: () => void },
  clock: Pick<Clock, 'after'>,
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
