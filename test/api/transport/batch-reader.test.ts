import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseExactJson } from '../../../server/api/transport/exact-json.ts';
import { BatchReader, isBatch } from '../../../server/api/transport/ws/batch-reader.ts';

/** Reads a batch that is scanned so many bytes at a time; what is no JSON becomes `'malformed'`. */
function read(text: string, scanned = 1_000): unknown[] | 'malformed' {
  const reader = new BatchReader(Buffer.from(text));
  for (let state = reader.scan(scanned); state !== 'complete'; state = reader.scan(scanned))
    if (state === 'malformed') return 'malformed';
  const messages: unknown[] = [];
  for (let next = reader.peek(); next; next = reader.peek()) {
    messages.push(next.isMalformed ? 'malformed' : next.message);
    reader.take();
  }
  expect(messages).toHaveLength(reader.count);
  return messages;
}

test('H40 the messages of a batch are those of the batch parsed at once, in whatever pieces it is scanned', () => {
  const batch = fc.array(fc.jsonValue({ maxDepth: 4 }), { maxLength: 8 });
  fc.assert(
    fc.property(
      batch,
      fc.constantFrom('', ' ', '\n\t'),
      fc.integer({ min: 1, max: 40 }),
      (messages, space, scanned) => {
        const text = space + JSON.stringify(messages, null, space === '' ? 0 : 1) + space;
        expect(isBatch(Buffer.from(text))).toBe(true);
        expect(read(text, scanned)).toEqual(parseExactJson(text));
      },
    ),
    { numRuns: 2_000 },
  );
});

test('H40 brackets that do not fit refuse the batch as a whole', () => {
  for (const text of ['[1', '[1}', '[1]]', '[1] x', '["]', '[{"a":1]', '["\\"]', '[', '[[1]'])
    expect(read(text), text).toBe('malformed');
});

test('H40 a message that is no JSON is refused alone', () => {
  expect(read('[{"a":1},{b},,[2}]')).toEqual([{ a: 1 }, 'malformed', 'malformed', 'malformed']);
  expect(read('[ ]')).toEqual([]);
  expect(read('[1,]')).toEqual([1, 'malformed']);
});

test('H40 what is no batch is not taken for one', () => {
  for (const text of ['{"id":1}', ' 1', '', ' ', '"["', 'PING']) expect(isBatch(Buffer.from(text)), text).toBe(false);
});
