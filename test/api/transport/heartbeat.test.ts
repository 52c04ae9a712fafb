import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { watchSockets } from '../../../server/api/transport/heartbeat.ts';
import type { WatchedSocket } from '../../../server/api/transport/heartbeat.ts';

interface LooseSocket extends WatchedSocket {
  asked: number;
  cut: boolean;
  /** Something came from it. */
  hear(): void;
}

/** A socket without a link, which counts what is done to it. */
function looseSocket(): LooseSocket {
  const now = performance.now();
  const socket: LooseSocket = {
    life: { admitted: true, openedAt: now, heardAt: now, askedAt: 0, sent: 0 },
    asked: 0,
    cut: false,
    askForLife(at) {
      socket.asked += 1;
      socket.life.askedAt = at;
    },
    terminate() {
      socket.cut = true;
    },
    hear() {
      socket.life.heardAt = performance.now();
      socket.life.sent = 0;
    },
  };
  return socket;
}

let stop = (): void => undefined;
let socket = looseSocket();

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  socket = looseSocket();
  stop = watchSockets({ sockets: [socket], admissionMs: 10_000, onNotAdmitted: () => undefined });
});

afterEach(() => {
  stop();
  vi.useRealTimers();
});

test('H17 a quiet connection is asked for a sign of life, and goes on when it gives one', () => {
  vi.advanceTimersByTime(17_000);
  expect(socket).toMatchObject({ asked: 1, cut: false });
  socket.hear();
  vi.advanceTimersByTime(14_000);
  expect(socket).toMatchObject({ asked: 1, cut: false });
  vi.advanceTimersByTime(3_000);
  expect(socket).toMatchObject({ asked: 2, cut: false });
});

test('H17 one that gives none is cut after five seconds', () => {
  vi.advanceTimersByTime(20_000);
  expect(socket.cut).toBe(false);
  vi.advanceTimersByTime(3_000);
  expect(socket.cut).toBe(true);
});

test('H17 one that was sent more than a slow link takes by then has a minute', () => {
  vi.advanceTimersByTime(1_000);
  socket.life.sent += 100_000;
  vi.advanceTimersByTime(70_000);
  expect(socket.cut).toBe(false);
  socket.hear();
  vi.advanceTimersByTime(70_000);
  // It was heard, and sent nothing since.
  expect(socket.cut).toBe(true);
});
