import type { Clock } from '../ports.ts';

/** The pacing of the archiver: when its next round begins. */
export interface ArchiverPace {
  /** A round begins: entries that become pending from here on belong to the next one. */
  onRoundBegun(): void;
  /** Entries have become pending. */
  onPending(): void;
  /**
   * Begins the next round at once, because a caller waits for what was just accepted.
   *
   * @param wasLeft whether the last round has left it to a later one
   */
  flushNow(wasLeft: boolean): void;
  /** Pauses after a round that took everything, so that more entries can share the next commit. */
  gather(): Promise<void>;
  /** Pauses after a round that found nothing: until something is pending, or for that many milliseconds. */
  idle(milliseconds: number | undefined): Promise<void>;
  /** Pauses after a round that failed, for that many milliseconds, whatever becomes pending. */
  backOff(milliseconds: number): Promise<void>;
  /** Ends the present pause. */
  interrupt(): void;
}

/**
 * Least time between the beginnings of two rounds that commit something, in milliseconds, while no caller of this
 * instance waits for a commit. Under load many entries then share the cost of a commit and of its publication; entries
 * that come further apart than this are not delayed.
 */
const GATHER_MS = 5;

/**
 * Times that a commit has taken, after which the next one begins, under the same conditions: a commit of large
 * documents is much work for this process and for the database, and back to back they would leave little to anybody
 * else.
 */
const GATHER_FACTOR = 2;

/** The longest time between the beginnings of two rounds that is due to that, in milliseconds. */
const MAX_GATHER_MS = 200;

type PauseKind = 'idle' | 'gather' | 'back-off';

export function createArchiverPace(clock: Clock): ArchiverPace {
  let roundBegunAt = 0;
  /** When the last round that committed something began. */
  let commitBegunAt = Number.NEGATIVE_INFINITY;
  /** Least time between the beginnings of that round and of the next. */
  let gatherMs = GATHER_MS;
  /** Whether anything has become pending since the round began. */
  let isPending = false;
  /** Whether a caller waits for it. */
  let isAwaited = false;
  let turnScheduled = false;
  let pausing: { kind: PauseKind; end: () => void } | undefined;

  const pause = (kind: PauseKind, milliseconds: number | undefined): Promise<void> =>
    new Promise((resolve) => {
      const end = (): void => {
        pausing = undefined;
        cancel();
        resolve();
      };
      const cancel = milliseconds === undefined ? () => undefined : clock.after(milliseconds, end);
      pausing = { kind, end };
    });

  const awaitGathering = async (): Promise<void> => {
    // Bounded, because a clock that was set back must not extend it.
    const remaining = Math.min(gatherMs, commitBegunAt + gatherMs - clock.now());
    if (isPending && !isAwaited && remaining > 0) await pause('gather', remaining);
  };

  return {
    onRoundBegun() {
      roundBegunAt = clock.now();
      isPending = false;
      isAwaited = false;
    },

    onPending() {
      isPending = true;
      if (turnScheduled) return;
      turnScheduled = true;
      // At the end of the turn, so that the answer to what was just accepted goes out before any work for its
      // durability.
      clock.turn(() => {
        turnScheduled = false;
        if (pausing?.kind === 'idle') pausing.end();
      });
    },

    flushNow(wasLeft) {
      isAwaited = true;
      isPending ||= wasLeft;
      if (pausing?.kind === 'gather' || (pausing?.kind === 'idle' && isPending)) pausing.end();
    },

    async gather() {
      commitBegunAt = roundBegunAt;
      const tookMs = clock.now() - roundBegunAt;
      gatherMs = Math.min(MAX_GATHER_MS, Math.max(GATHER_MS, tookMs * GATHER_FACTOR));
      await awaitGathering();
    },

    async idle(milliseconds) {
      if (!isPending) await pause('idle', milliseconds);
      await awaitGathering();
    },

    backOff: (milliseconds) => pause('back-off', milliseconds),

    interrupt() {
      pausing?.end();
    },
  };
}
