import type { Clock } from '../ports.ts';

/** When the archiver's rounds begin. */
export interface ArchiverPace {
  /** A round begins: what comes from here on is for the next one. */
  begin(): void;
  /** Something new waits. */
  onNews(): void;
  /** Somebody waits for what was just accepted: the next round begins at once. */
  hurry(): void;
  /** After a round that took all there was: until more may have come to what has come meanwhile. */
  rest(): Promise<void>;
  /** After a round that found nothing: until there is something new, or for that long. */
  idle(milliseconds: number | undefined): Promise<void>;
  /** After a round that failed: for that long, whatever comes. */
  recover(milliseconds: number): Promise<void>;
  /** Ends a pause, whatever it is for. */
  interrupt(): void;
}

/**
 * Between the beginnings of two rounds that find something, while nobody here waits for one, in milliseconds: under
 * load many changes then share the cost of a commit, and of telling everyone; where changes come further apart than
 * this, nothing is put off.
 */
const GATHER_MS = 5;

/** What a pause is for. */
type Purpose = 'idle' | 'gather' | 'recover';

export function createArchiverPace(clock: Clock): ArchiverPace {
  let begunAt = 0;
  /** When the last round began that found something. */
  let workedAt = Number.NEGATIVE_INFINITY;
  /** Whether something came since the round began, and whether somebody waits for it. */
  let news = false;
  let hurried = false;
  /** Whether the end of this turn is waited for. */
  let turning = false;
  let pausing: { purpose: Purpose; end: () => void } | undefined;

  const pause = (purpose: Purpose, milliseconds: number | undefined): Promise<void> =>
    new Promise((resolve) => {
      const end = (): void => {
        pausing = undefined;
        cancel();
        resolve();
      };
      const cancel = milliseconds === undefined ? () => undefined : clock.after(milliseconds, end);
      pausing = { purpose, end };
    });

  const gather = async (): Promise<void> => {
    // Bounded: a clock that was set back must not stretch it.
    const early = Math.min(GATHER_MS, workedAt + GATHER_MS - clock.now());
    if (news && !hurried && early > 0) await pause('gather', early);
  };

  return {
    begin() {
      begunAt = clock.now();
      news = false;
      hurried = false;
    },

    onNews() {
      news = true;
      if (turning) return;
      turning = true;
      // Answers first: what was just accepted is told to whoever asked before anything is done for its durability.
      clock.turn(() => {
        turning = false;
        if (pausing?.purpose === 'idle') pausing.end();
      });
    },

    hurry() {
      hurried = true;
      if (pausing?.purpose === 'gather' || (pausing?.purpose === 'idle' && news)) pausing.end();
    },

    async rest() {
      workedAt = begunAt;
      await gather();
    },

    async idle(milliseconds) {
      if (!news) await pause('idle', milliseconds);
      await gather();
    },

    recover: (milliseconds) => pause('recover', milliseconds),

    interrupt() {
      pausing?.end();
    },
  };
}
