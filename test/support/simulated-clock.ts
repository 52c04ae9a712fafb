import type { Clock } from '../../server/engine/ports.ts';
import { seededRandom } from './seeded-random.ts';

/** Time that stands still until it is told to go on; chance and ids follow from the seed. */
export interface SimulatedClock extends Clock {
  /** Lets everything happen that needs no time. */
  settle(): Promise<void>;
  /** Goes on by that many milliseconds: timers run in order, and what each sets off runs to its end before the next. */
  advance(milliseconds: number): Promise<void>;
  /** Goes on until the promise is settled, and gives what it gives; throws where that takes more than `within` ms. */
  until<T>(promise: Promise<T>, within?: number): Promise<T>;
  /** Timers that wait to be run; what is over must have left none. */
  readonly timers: number;
}

/** More timers than this at one moment are a loop that waits for a time which never comes. */
const LIVELOCK = 10_000;

/**
 * A {@link Clock} on virtual time. Between two timers every pending promise is settled, so that a run is the same every
 * time.
 *
 * @param seed of `random`; `token` and `id` carry it, so that two clocks never make the same
 * @example
 * const clock = simulatedClock();
 * clock.after(500, () => console.log(clock.now()));
 * await clock.advance(1_000);
 */
export function simulatedClock(seed = 1, startAt = Date.UTC(2026, 0, 1)): SimulatedClock {
  const random = seededRandom(seed);
  /** By due time, then by the order in which they were set. */
  const timers: { due: number; callback: () => void }[] = [];
  let time = startAt;
  let drawn = 0;
  let atThisMoment = 0;

  // Immediates come after all microtasks, however many these bring forth: no other wait is as exact, and it costs no
  // time.
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  /** Runs the next timer that is due by then, and all that follows from it at once; false where there is none. */
  const runNext = async (limit: number): Promise<boolean> => {
    const [next] = timers;
    if (!next || next.due > limit) return false;
    timers.shift();
    atThisMoment = next.due > time ? 0 : atThisMoment + 1;
    if (atThisMoment > LIVELOCK)
      throw new Error(`more than ${LIVELOCK} timers at one moment: something waits in a loop that never ends`);
    time = Math.max(time, next.due);
    next.callback();
    await settle();
    return true;
  };

  return {
    now: () => time,
    after(milliseconds, callback) {
      const timer = { due: time + Math.ceil(Math.max(0, milliseconds)), callback };
      let index = timers.length;
      while (index > 0 && (timers[index - 1]?.due ?? 0) > timer.due) index -= 1;
      timers.splice(index, 0, timer);
      return () => {
        const at = timers.indexOf(timer);
        if (at >= 0) timers.splice(at, 1);
      };
    },
    turn: (callback) => queueMicrotask(callback),
    random: () => random.next(),
    token: () => `t${seed}-${(drawn += 1)}`,
    id: () => `id-${seed}-${(drawn += 1)}`,
    settle,
    async advance(milliseconds) {
      const target = time + milliseconds;
      await settle();
      while (await runNext(target));
      time = target;
    },
    async until(promise, within = 120_000) {
      const limit = time + within;
      let settled = false;
      const done = (): void => {
        settled = true;
      };
      promise.then(done, done);
      await settle();
      while (!settled && (await runNext(limit)));
      if (!settled) throw new Error(`nothing came of it within ${within} ms`);
      return promise;
    },
    get timers() {
      return timers.length;
    },
  };
}
