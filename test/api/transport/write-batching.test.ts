import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { writeTogether } from '../../../server/api/transport/write-batching.ts';

/** A stream that notes what each write to its sink held. */
function recorder(): { stream: Writable; writes: string[][] } {
  const writes: string[][] = [];
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      writes.push([chunk]);
      done();
    },
    writev(chunks, done) {
      writes.push(chunks.map(({ chunk }) => String(chunk)));
      done();
    },
  });
  return { stream, writes };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('S23 what one turn of the event loop answers on a connection goes out in one write, in order; the next turn goes by itself', async () => {
  const { stream, writes } = recorder();
  const other = recorder();
  for (const text of ['a', 'b']) {
    writeTogether(stream);
    stream.write(text);
  }
  // As rooms do it, beside tRPC's answers.
  stream.write('room');
  writeTogether(other.stream);
  other.stream.write('x');
  await Promise.resolve().then(() => {
    writeTogether(stream);
    stream.write('c');
  });
  expect(writes).toEqual([]);
  await turn();
  expect(writes).toEqual([['a', 'b', 'room', 'c']]);
  expect(other.writes.flat()).toEqual(['x']);
  writeTogether(stream);
  stream.write('d');
  await turn();
  expect(writes.flat()).toEqual(['a', 'b', 'room', 'c', 'd']);
  stream.write('at once');
  expect(writes.at(-1)).toEqual(['at once']);
});

test('S23 a connection that dies within the turn does no harm to the others', async () => {
  const [dying, living] = [recorder(), recorder()];
  for (const { stream } of [dying, living]) {
    writeTogether(stream);
    stream.write('a');
  }
  dying.stream.destroy();
  await turn();
  expect(dying.writes).toEqual([]);
  expect(living.writes.flat()).toEqual(['a']);
});
