import { expect, test } from 'vitest';
import {
  chargeWhenEncoded,
  encodeFrame,
  encodeMessage,
  encodeMessageFrame,
  shareEncoding,
} from '../../../server/api/procedures/subscriptions/frames.ts';
import type { Connection } from '../../../server/api/connection/context.ts';
import type { ResumableEvent } from '../../../server/engine/service.ts';

/** A snapshot that counts how often it is encoded. */
function countedEvent(text: string): { event: ResumableEvent; readonly encodings: number } {
  let encodings = 0;
  const event: ResumableEvent = {
    resumeId: 'e:1',
    event: {
      type: 'snapshot',
      position: 'e:1',
      durableVersion: 1,
      get state() {
        encodings += 1;
        return { slug: 's', title: text };
      },
      reason: 'start',
    },
  };
  return {
    event,
    get encodings() {
      return encodings;
    },
  };
}

/** The frame of an event for a reader under that request id. */
const frameFor = (id: number, event: ResumableEvent): Buffer => encodeFrame(`{"id":${id},`, event);

test('H19 an event is encoded once for all subscribers, and the cache of encodings is emptied at 64 MiB (G10)', () => {
  const kept = countedEvent('small');
  const [one, other] = [frameFor(1, kept.event), frameFor(2, kept.event)];
  expect(frameFor(1, kept.event)).toBe(one);
  expect(other.equals(one)).toBe(false);
  expect(kept.encodings).toBe(1);
  // As many bytes as the bound, of other events that are kept all the time, as a campaign keeps those that it has made.
  const others = Array.from({ length: 40 }, (_, n) => countedEvent(`${n}`.padEnd(1024 * 1024, 'x')));
  for (const { event } of others) frameFor(1, event);
  for (const { event } of others.slice(-4)) frameFor(1, event);
  expect(others.map(({ encodings }) => encodings)).toEqual(others.map(() => 1));
  frameFor(1, kept.event);
  expect(kept.encodings).toBe(2);
});

test('H19 cached frames under many request ids count as well', () => {
  const kept = countedEvent('small');
  frameFor(1, kept.event);
  const large = countedEvent('x'.repeat(1024 * 1024));
  for (let id = 0; id < 63; id += 1) frameFor(id, large.event);
  frameFor(1, kept.event);
  expect(kept.encodings).toBe(2);
});

test('H19 a large document is encoded once for all who ask for it, and the answer is that of the encoder of tRPC but for the place of the document', () => {
  let encodings = 0;
  const text = 'x'.repeat(10_000);
  const state = {
    slug: 's',
    toJSON() {
      encodings += 1;
      return { slug: 's', title: text };
    },
  };
  let charged = 0;
  // As much of a connection as is called.
  const connection = { closed: true, chargeAnswer: (bytes: number) => (charged += bytes) } as unknown as Connection;
  const ask = (id: number, jsonrpc?: string) => {
    const data = { campaignId: 'spring', state, updatedAt: 7 };
    chargeWhenEncoded(data, connection);
    return String(encodeMessage({ id, ...(jsonrpc && { jsonrpc }), result: { type: 'data', data } }));
  };
  const [one, other] = [ask(1), ask(2, '2.0')];
  expect(encodings).toBe(1);
  const answer = { campaignId: 'spring', updatedAt: 7, state: { slug: 's', title: text } };
  expect(JSON.parse(one)).toEqual({ id: 1, result: { type: 'data', data: answer } });
  expect(JSON.parse(other)).toEqual({ id: 2, jsonrpc: '2.0', result: { type: 'data', data: answer } });
  expect(charged).toBe(one.length + other.length);
});

test('H19 what many are sent as it is takes one frame for all under the same request id, and is no other frame than each would be sent', () => {
  let encodings = 0;
  const value = shareEncoding({
    type: 'changes',
    toJSON() {
      encodings += 1;
      return { type: 'changes', words: 'für alle' };
    },
  });
  const frameOf = (id: number, jsonrpc?: string) =>
    encodeMessageFrame({ id, ...(jsonrpc && { jsonrpc }), result: { type: 'data', data: value } });
  const payload = (frame: Buffer): unknown => JSON.parse(frame.subarray(2).toString());
  const data = { type: 'changes', words: 'für alle' };
  expect(frameOf(1)).toBe(frameOf(1));
  expect(payload(frameOf(1))).toEqual({ id: 1, result: { type: 'data', data } });
  expect(payload(frameOf(2))).toEqual({ id: 2, result: { type: 'data', data } });
  expect(payload(frameOf(1, '2.0'))).toEqual({ id: 1, jsonrpc: '2.0', result: { type: 'data', data } });
  // Of further request ids none is kept, and each is right.
  for (let id = 3; id < 40; id += 1) expect(payload(frameOf(id))).toEqual({ id, result: { type: 'data', data } });
  expect(frameOf(39)).not.toBe(frameOf(39));
  expect(encodings).toBe(1);
});
