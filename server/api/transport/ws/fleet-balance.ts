import { beyondShare, type FleetLoad } from '../../../core/fleet.ts';
import type { Clock } from '../../../engine/ports.ts';

/** A ws connection that may be moved. */
export interface MovableSocket {
  /** Whether its client can be asked to connect again now: nothing that it has asked is unanswered. */
  readonly isMovable: boolean;
  /** When it was opened; of `performance.now()`. */
  readonly openedAt: number;
  /** When its client was asked; `undefined`: it was not. Of `performance.now()`. */
  readonly askedAt: number | undefined;
  /** Asks its client to connect again, once. */
  move(): void;
}

/** Options of {@link startFleetBalance}. */
export interface FleetBalanceOptions {
  /** All open ws connections of clients, read anew at every check. */
  readonly sockets: () => Iterable<MovableSocket>;
  /** Says how many they are, and asks for those of the fleet; rejects where that cannot be known now. */
  readonly report: (connections: number) => Promise<FleetLoad>;
  readonly clock: Pick<Clock, 'after' | 'random'>;
  /** Monotonic, in milliseconds. */
  readonly now: () => number;
  /** Called for each client that was asked. */
  readonly onMoved: () => void;
}

/** The interval between two reports, in milliseconds, of which each server takes a random part less. */
const REPORT_MS = 5_000;
/** The part of its connections that a server moves between two reports at most; one at least. */
const MOVED_PART = 0.02;
/** A connection stays for so long at least, in milliseconds: it may have just been moved here. */
const SETTLED_MS = 30_000;
/** A connection whose client was asked so long ago, and that is still there, is not counted any more; milliseconds. */
const OBEYED_MS = 10_000;
/** Reports that pass at most between two moves while these do not help. */
const LONGEST_PAUSE = 64;

/**
 * Evens out a fleet: a server that has more than its share of the connections asks some of its clients to connect
 * again, at random times and a few at once. Each resumes by its position, as after any reconnect. A server that does
 * not know what the others have moves nobody. One that has no fewer after its moves, as behind a balancer that sends
 * each client back to where it was, waits twice as long before its next.
 *
 * @returns stops it
 */
export function startFleetBalance(options: FleetBalanceOptions): () => void {
  const { clock } = options;
  const cancels = new Set<() => void>();
  let stopped = false;
  /** What it had beyond its share when it moved some last. */
  let before = Number.POSITIVE_INFINITY;
  /** Reports to let pass after the next moves, and those that are left to pass. */
  let pause = 0;
  let left = 0;

  const later = (milliseconds: number, then: () => void): void => {
    const cancel = clock.after(milliseconds, () => {
      cancels.delete(cancel);
      then();
    });
    cancels.add(cancel);
  };

  const check = async (): Promise<void> => {
    const isCounted = ({ askedAt }: MovableSocket): boolean =>
      askedAt === undefined || options.now() - askedAt < OBEYED_MS;
    const sockets = [...options.sockets()].filter(isCounted);
    const beyond = beyondShare(sockets.length, await options.report(sockets.length));
    if (beyond < before) [pause, left] = [0, 0];
    if (stopped || beyond === 0) return;
    if (left > 0) {
      left -= 1;
      return;
    }
    const settled = sockets.filter(({ isMovable, openedAt }) => isMovable && options.now() - openedAt >= SETTLED_MS);
    const most = Math.max(1, Math.floor(sockets.length * MOVED_PART));
    const chosen = drawn(settled, Math.min(beyond, most), clock.random);
    if (chosen.length > 0) {
      before = beyond;
      left = pause;
      pause = Math.min(LONGEST_PAUSE, Math.max(1, pause * 2));
    }
    for (const socket of chosen)
      later(clock.random() * REPORT_MS, () => {
        if (!socket.isMovable) return;
        socket.move();
        options.onMoved();
      });
  };

  const checkLater = (): void =>
    later(REPORT_MS * (1 - clock.random() / 4), () => {
      void check()
        .catch(() => undefined)
        .then(() => {
          if (!stopped) checkLater();
        });
    });
  checkLater();

  return () => {
    stopped = true;
    for (const cancel of cancels) cancel();
  };
}

/** So many of these, each as likely as any other. */
function drawn<T>(items: readonly T[], count: number, random: () => number): T[] {
  const left = [...items];
  const chosen: T[] = [];
  while (chosen.length < count && left.length > 0) {
    const [item] = left.splice(Math.floor(random() * left.length), 1);
    if (item !== undefined) chosen.push(item);
  }
  return chosen;
}
