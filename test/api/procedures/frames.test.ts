import { expect, test } from 'vitest';
import { encodeFrame } from '../../../server/api/procedures/frames.ts';
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
