import type { Clock } from '../../../client-sdk/src/clock.ts';

export interface ManualClock extends Clock {
  /** Moves time forward, and calls what is due, in order. */
  readonly advance: (milliseconds: number) => void;
}

/** A clock that stands still until it is moved; chance is mulberry32 of the seed, ids count. */
export function manualClock(seed = 1): ManualClock {
  let now = 1_700_000_000_000;
  let ids = 0;
  let chance = seed;
  let timers: { at: number; callback: () => void }[] = [];

  return {
    now: () => now,
    after(milliseconds, callback) {
      const timer = { at: now + milliseconds, callback };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    random() {
      chance = (chance + 0x6d2b79f5) | 0;
      let mixed = Math.imul(chance ^ (chance >>> 15), 1 | chance);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
    },
    id: () => `m${seed}-${(ids += 1)}`,
    advance(milliseconds) {
      const until = now + milliseconds;
      for (;;) {
        const due = timers.filter((timer) => timer.at <= until).sort((a, b) => a.at - b.at)[0];
        if (!due) break;
        timers = timers.filter((timer) => timer !== due);
        now = Math.max(now, due.at);
        due.callback();
      }
      now = until;
    },
  };
}
