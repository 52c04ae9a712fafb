import type { Clock } from '../clock.ts';
import type { Readable } from '../types.ts';
import { createLinger } from '../linger.ts';

/**
 * A store whose source runs while anyone subscribes, and a moment longer.
 *
 * @param lingerMs how long the source stays after the last subscriber has left, in milliseconds
 */
export function storeWhileNeeded<T>(
  { subscribe, getSnapshot, getInitialSnapshot }: Readable<T>,
  source: { readonly start: () => void; readonly stop: () => void },
  clock: Pick<Clock, 'after'>,
  lingerMs: number,
): Readable<T> {
  const linger = createLinger(source, clock, lingerMs);
  let subscribers = 0;
  return {
    getSnapshot,
    getInitialSnapshot,
    subscribe(listener) {
      const end = subscribe(listener);
      subscribers += 1;
      linger.need(true);
      let isSubscribed = true;
      return () => {
        if (!isSubscribed) return;
        isSubscribed = false;
        end();
        subscribers -= 1;
        linger.need(subscribers > 0);
      };
    },
  };
}
