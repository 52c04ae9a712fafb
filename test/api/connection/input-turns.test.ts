import { describe, expect, test } from 'vitest';
import { FairTurns } from '../../../server/api/connection/fair-turns.ts';
import { messagesOf } from '../../../server/api/transport/ws/decoded-frame.ts';
import { connectionEnvironment, connectionOf } from '../support/connection-environment.ts';
import { loneSocket } from '../support/lone-socket.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Messages of a frame that are started in each turn of the event loop, until all have been. */
async function startedByTurn(count: number, bytes: number): Promise<number[]> {
  // Of whom somebody else works beside.
  const socket = loneSocket(new FairTurns(() => 0));
  let started = 0;
  socket.on('message', (data: Uint8Array) => (started += messagesOf(data)?.length ?? 0));
  const message = { id: 1, method: 'query', params: 'x'.repeat(bytes) };
  // As if it had come over a network; nothing else can know that it is readable.
  Object.defineProperty(socket, 'readyState', { value: socket.OPEN });
  socket.emit('message', Buffer.from(JSON.stringify(Array.from({ length: count }, () => message))), false);
  const inTurn: number[] = [];
  for (let sum = 0; sum < count;) {
    if (started > 0) inTurn.push(started);
    sum += started;
    started = 0;
    if (sum < count) await turn();
  }
  return inTurn;
}

describe('P21 the turns of what callers send', () => {
  test.each([
    ['parsed when it arrives', 6],
    ['read a piece at a time', 100],
  ])('P21 messages of 4 KB have turns of their own, in a frame that is %s', async (_, count) => {
    expect(await startedByTurn(count, 4_500)).toEqual(Array.from({ length: count }, () => 1));
  });

  test.each([[20], [900]])('P21 small ones go together: %i of them', async (count) => {
    const inTurn = await startedByTurn(count, 20);
    expect(Math.max(...inTurn)).toBe(Math.min(24, count));
  });

  test('P21 the calls of an http request count with their shares of its body', async () => {
    const calls = (bytes: number): number => {
      const connection = connectionOf(connectionEnvironment(), { id: 'ada', grants: { '*': 'editor' } }, 'http');
      connection.chargeInput(bytes, 20);
      let started = 0;
      while (started < 20 && connection.startCall(1) === undefined) started += 1;
      return started;
    };
    // A request's first call counts as a dear one, before any is known.
    expect([calls(20 * 100), calls(20 * 4_500)]).toEqual([3, 1]);
  });
});
