import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { batchWrites } from '../../../server/api/transport/ws/write-batching.ts';

/** A stream that records each write to its sink. */
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

test('S23 the answers of one turn of the event loop on a connection go out in one write, in order; those of the next turn in another', async () => {
  const { stream, writes } = recorder();
  const other = recorder();
  for (const text of ['a', 'b']) {
    batchWrites(stream);
    stream.write(text);
  }
  // As push delivery writes frames, beside tRPC's answers.
  stream.write('room');
  batchWrites(other.stream);
  other.stream.write('x');
  await Promise.resolve().then(() => {
    batchWrites(stream);
    stream.write('c');
  });
  expect(writes).toEqual([]);
  await turn();
  expect(writes).toEqual([['a', 'b', 'room', 'c']]);
  expect(other.writes.flat()).toEqual(['x']);
  batchWrites(stream);
  stream.write('d');
  await turn();
  expect(writes.flat()).toEqual(['a', 'b', 'room', 'c', 'd']);
  stream.write('at once');
  expect(writes.at(-1)).toEqual(['at once']);
});

test('S23 a connection that is destroyed within the turn does not affect the others', async () => {
  const [dying, living] = [recorder(), recorder()];
  for (const { stream } of [dying, living]) {
    batchWrites(stream);
    stream.write('a');
  }
  dying.stream.destroy();
  await turn();
  expect(dying.writes).toEqual([]);
  expect(living.writes.flat()).toEqual(['a']);
});
