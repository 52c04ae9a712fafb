import { expect, test } from 'vitest';
import type { FairTurns } from '../../../server/api/connection/fair-turns.ts';
import { startFleetBalance, type MovableSocket } from '../../../server/api/transport/ws/fleet-balance.ts';
import type { FleetLoad } from '../../../server/core/fleet.ts';
import { loneSocket } from '../support/lone-socket.ts';
import { simulatedClock, type SimulatedClock } from '../../support/simulated-clock.ts';

interface FakeSocket extends MovableSocket {
  isMovable: boolean;
  movedAt: number | undefined;
}

function socketsOf(clock: SimulatedClock, count: number): FakeSocket[] {
  const openedAt = clock.now();
  return Array.from({ length: count }, () => {
    const socket: FakeSocket = {
      openedAt,
      isMovable: true,
      movedAt: undefined,
      get askedAt() {
        return socket.movedAt;
      },
      move() {
        socket.isMovable = false;
        socket.movedAt = clock.now();
      },
    };
    return socket;
  });
}

/** A server with so many clients in a fleet; those that are moved stay connected here, unless they go. */
function balance(clock: SimulatedClock, sockets: FakeSocket[], report: (own: number) => Promise<FleetLoad>) {
  let moved = 0;
  const stop = startFleetBalance({
    sockets: () => sockets,
    report,
    clock,
    now: clock.now,
    onMoved: () => (moved += 1),
  });
  return { stop, moved: () => moved };
}

test('Q50 a server with more than its share asks some clients to connect again, at different times, until it has its share', async () => {
  const clock = simulatedClock();
  const sockets = socketsOf(clock, 400);
  // Whoever is asked has gone to the other server by the next report.
  const here = () => sockets.filter(({ movedAt }) => movedAt === undefined);
  const stop = startFleetBalance({
    sockets: here,
    report: async () => ({ members: 2, connections: 400 }),
    clock,
    now: clock.now,
    onMoved: () => undefined,
  });
  await clock.advance(30_000);
  expect(here()).toHaveLength(400);
  await clock.advance(10_000);
  const times = sockets.flatMap(({ movedAt }) => (movedAt === undefined ? [] : [movedAt]));
  // A fiftieth of them for each report, of which there were three at most.
  expect(times.length).toBeGreaterThan(0);
  expect(times.length).toBeLessThanOrEqual(24);
  expect(new Set(times).size).toBeGreaterThan(times.length / 2);
  await clock.advance(3_600_000);
  // A tenth of the share, and eight, are let be.
  expect(here()).toHaveLength(228);
  stop();
  expect(clock.timers).toBe(0);
});

test('Q50 clients that wait for an answer are not moved, nor those that have just come', async () => {
  const clock = simulatedClock();
  const sockets = socketsOf(clock, 100);
  for (const socket of sockets) socket.isMovable = false;
  const { moved, stop } = balance(clock, sockets, async (own) => ({ members: 2, connections: own }));
  await clock.advance(60_000);
  expect(moved()).toBe(0);
  // All of them come anew.
  sockets.splice(0, 100, ...socketsOf(clock, 100));
  await clock.advance(29_000);
  expect(moved()).toBe(0);
  await clock.advance(20_000);
  expect(moved()).toBeGreaterThan(0);
  stop();
});

test('Q50 a server that is alone, has its share or cannot know it moves nobody', async () => {
  const clock = simulatedClock();
  const answers: (() => Promise<FleetLoad>)[] = [
    async () => ({ members: 1, connections: 100 }),
    async () => ({ members: 2, connections: 190 }),
    () => Promise.reject(new Error('away')),
  ];
  for (const answer of answers) {
    const { moved, stop } = balance(clock, socketsOf(clock, 100), answer);
    await clock.advance(120_000);
    expect(moved()).toBe(0);
    stop();
  }
});

test('Q50 clients that were asked and stay are not counted', async () => {
  const clock = simulatedClock();
  const sockets = socketsOf(clock, 100);
  const counts: number[] = [];
  const { moved, stop } = balance(clock, sockets, async (own) => {
    counts.push(own);
    return { members: 2, connections: own + 40 };
  });
  await clock.advance(600_000);
  // Until it has its share of those that may obey.
  expect(moved()).toBeGreaterThan(0);
  expect(counts.at(-1)).toBe(100 - moved());
  expect(moved()).toBeLessThan(50);
  stop();
});

test('Q50 where moving does not help, as behind a sticky balancer, it is tried more and more seldom', async () => {
  const clock = simulatedClock();
  const sockets = socketsOf(clock, 100);
  let helps = false;
  let asked = 0;
  const stop = startFleetBalance({
    sockets() {
      // Whoever was asked has come back, or has gone.
      for (const [index, { movedAt }] of [...sockets.entries()].reverse())
        if (movedAt !== undefined) sockets.splice(index, 1, ...(helps ? [] : socketsOf(clock, 1)));
      return sockets;
    },
    report: async () => ({ members: 2, connections: 100 }),
    clock,
    now: clock.now,
    onMoved: () => (asked += 1),
  });
  await clock.advance(600_000);
  // A hundred and more reports, with two clients each: after the first two, every other, every fourth and so on.
  expect(asked).toBeGreaterThan(0);
  expect(asked).toBeLessThanOrEqual(20);
  helps = true;
  await clock.advance(1_200_000);
  expect(sockets.length).toBeLessThanOrEqual(63);
  stop();
});

test('Q50 a client whose message waits for its turn is not moved', () => {
  const turns = { tryStart: () => false, wait: () => undefined } as unknown as FairTurns;
  const socket = loneSocket(turns);
  const passed: unknown[] = [];
  socket.on('message', (data) => passed.push(data));
  expect(socket.isWaiting).toBe(false);
  socket.emit('message', Buffer.from('{}'), false);
  expect([socket.isWaiting, passed.length]).toEqual([true, 0]);
  socket.startNext(1);
  expect([socket.isWaiting, passed.length]).toEqual([false, 1]);
});
