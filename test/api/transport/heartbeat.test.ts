import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { watchSockets } from '../../../server/api/transport/ws/heartbeat.ts';
import type { WatchedSocket } from '../../../server/api/transport/ws/heartbeat.ts';

interface FakeSocket extends WatchedSocket {
  isRelay: boolean;
  isPaused: boolean;
  pings: number;
  terminated: boolean;
  /** A message or a pong arrives from it. */
  receive(): void;
}

/** A socket without a connection, which counts what is done to it. */
function fakeSocket(): FakeSocket {
  const now = performance.now();
  const socket: FakeSocket = {
    liveness: { admitted: true, openedAt: now, receivedAt: now, pingedAt: 0, sentBytes: 0 },
    isRelay: false,
    isPaused: false,
    pings: 0,
    terminated: false,
    sendPing(at) {
      socket.pings += 1;
      socket.liveness.pingedAt = at;
    },
    terminate() {
      socket.terminated = true;
    },
    receive() {
      socket.liveness.receivedAt = performance.now();
      socket.liveness.sentBytes = 0;
    },
  };
  return socket;
}

let stop = (): void => undefined;
let socket = fakeSocket();

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  socket = fakeSocket();
  stop = watchSockets({ sockets: [socket], admissionMs: 10_000, onNotAdmitted: () => undefined });
});

afterEach(() => {
  stop();
  vi.useRealTimers();
});

test('H17 a silent connection is pinged, and stays when it answers', () => {
  vi.advanceTimersByTime(17_000);
  expect(socket).toMatchObject({ pings: 1, terminated: false });
  socket.receive();
  vi.advanceTimersByTime(14_000);
  expect(socket).toMatchObject({ pings: 1, terminated: false });
  vi.advanceTimersByTime(3_000);
  expect(socket).toMatchObject({ pings: 2, terminated: false });
});

test('H17 one that does not answer is terminated after five seconds', () => {
  vi.advanceTimersByTime(20_000);
  expect(socket.terminated).toBe(false);
  vi.advanceTimersByTime(3_000);
  expect(socket.terminated).toBe(true);
});

test('H17 one that was sent more than a slow link takes in that time has a minute to answer', () => {
  vi.advanceTimersByTime(1_000);
  socket.liveness.sentBytes += 100_000;
  vi.advanceTimersByTime(70_000);
  expect(socket.terminated).toBe(false);
  socket.receive();
  vi.advanceTimersByTime(70_000);
  // Nothing was sent to it since it answered.
  expect(socket.terminated).toBe(true);
});

test('H17 a relay, which speaks every second, is given up after nine seconds of silence, however much it was sent', () => {
  socket.isRelay = true;
  vi.advanceTimersByTime(1_000);
  socket.liveness.sentBytes += 100_000;
  vi.advanceTimersByTime(6_000);
  expect(socket).toMatchObject({ pings: 1, terminated: false });
  vi.advanceTimersByTime(4_000);
  expect(socket.terminated).toBe(true);
});

test('H17 a relay that is not read has the time that a slow link has', () => {
  socket.isRelay = true;
  socket.isPaused = true;
  socket.liveness.sentBytes += 100_000;
  vi.advanceTimersByTime(50_000);
  expect(socket.terminated).toBe(false);
});
