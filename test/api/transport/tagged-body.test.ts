import { randomBytes } from 'node:crypto';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { bytesSaved } from '../../../server/api/compression.ts';
import { gzipped, GzipStream } from '../../../server/api/gzip.ts';
import { answerTagged, createGzipCache } from '../../../server/api/tagged-body.ts';

/** Text that gets shorter, and is another each time. */
const prose = (bytes: number): string =>
  randomBytes(16)
    .toString('hex')
    .repeat(bytes / 32);

test('Q88 what is gzipped takes memory of its own length, in answers and in streams', async () => {
  for (const bytes of [2_048, 8_192, 65_536]) {
    const made = await gzipped(prose(bytes), 4);
    expect(made?.buffer.byteLength).toBe(made?.length);
  }
  const stream = new GzipStream();
  stream.write(Buffer.from('begin'), 4);
  const chunk = stream.write(Buffer.from(prose(8_192)), 4);
  expect(chunk.buffer.byteLength).toBe(chunk.length);
});

test('Q88 the cache counts what an entry takes beside its body, and keeps nothing that is not worth it', async () => {
  const cache = createGzipCache(10 * (512 + 100));
  let made = 0;
  const ask = (tag: string, body: Buffer | undefined): Promise<Buffer | undefined> =>
    cache.of(tag, async () => {
      made += 1;
      return body;
    });
  for (let index = 0; index < 20; index += 1) await ask(`tag${index}`, Buffer.alloc(100));
  expect(made).toBe(20);
  for (let index = 10; index < 20; index += 1) await ask(`tag${index}`, Buffer.alloc(100));
  expect(made).toBe(20);
  // The eleventh is not there any more.
  await ask('tag9', Buffer.alloc(100));
  expect(made).toBe(21);
  for (let asked = 0; asked < 2; asked += 1) await ask('short', undefined);
  expect(made).toBe(23);
  // Nothing had to leave for those.
  await ask('tag19', Buffer.alloc(100));
  expect(made).toBe(23);
});

/** Answers with a text; `made` tells whether it was compressed. */
async function answered(answer: string, headers: IncomingMessage['headers'], method = 'GET') {
  const req = new IncomingMessage(new Socket());
  Object.assign(req, { method, headers });
  const res = new ServerResponse(req);
  let made = 0;
  const cache = createGzipCache(1_024 * 1_024);
  const of: typeof cache.of = (tag, make) => {
    made += 1;
    return cache.of(tag, make);
  };
  await answerTagged(answer, { req, res, level: 4, cache: { of } });
  return { status: res.statusCode, etag: String(res.getHeader('etag')), made, saved: bytesSaved(res) };
}

test('Q88 a 304 says the tag that was named, compresses nothing, and is paid for like the whole', async () => {
  const body = prose(65_536);
  const gzip = await answered(body, { 'accept-encoding': 'gzip' });
  const plain = await answered(body, {});
  expect([gzip.status, gzip.made, plain.status, plain.made]).toEqual([200, 1, 200, 0]);
  expect(gzip.etag).not.toBe(plain.etag);
  for (const { etag } of [gzip, plain])
    for (const encoding of ['gzip', 'identity'])
      expect(await answered(body, { 'accept-encoding': encoding, 'if-none-match': `"x", W/${etag}` })).toEqual({
        status: 304,
        etag,
        made: 0,
        saved: body.length,
      });
  // Of both, that of what it would be sent.
  const both = { 'if-none-match': `${plain.etag}, ${gzip.etag}` };
  expect((await answered(body, both)).etag).toBe(plain.etag);
  expect((await answered(body, { ...both, 'accept-encoding': 'gzip' })).etag).toBe(gzip.etag);
  expect(await answered(body, { 'if-none-match': '*' })).toMatchObject({ status: 304, etag: plain.etag });
  expect((await answered(body, { 'accept-encoding': 'gzip' }, 'HEAD')).saved).toBe(body.length);
});
