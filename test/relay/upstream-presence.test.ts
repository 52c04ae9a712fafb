import { expect, test } from 'vitest';
import { RefusalError } from '../../server/core/errors.ts';
import type { RelayedPresence } from '../../server/core/presence/presence.ts';
import { proofAfter } from '../../server/core/stream/replica.ts';
import { LINK_LOST, type UpstreamLink, type UpstreamSubscriber } from '../../server/relay/upstream-link.ts';
import { createUpstreamPresence } from '../../server/relay/presence/upstream-presence.ts';
import { simulatedClock } from '../support/simulated-clock.ts';

/** An upstream that says what a test says. */
function world() {
  const clock = simulatedClock();
  const streams: (UpstreamSubscriber & { readonly input: unknown; stopped: boolean; proof: string })[] = [];
  const told: unknown[] = [];
  const distrusted: string[] = [];
  const heard = new Map<string, string | undefined>();
  const link = {
    isUp: true,
    generation: 1,
    query: async (_path: string, input: unknown) => void told.push(input),
    refusal: () => undefined,
    tell: async () => undefined,
    subscribe(_path: string, input: unknown, subscriber: UpstreamSubscriber) {
      const stream = { ...subscriber, input, stopped: false, proof: '' };
      streams.push(stream);
      return () => (stream.stopped = true);
    },
    distrust: () => undefined,
    stop: () => undefined,
  } satisfies UpstreamLink;
  const others = createUpstreamPresence(link, clock, (campaignId) => distrusted.push(campaignId));
  others.presence.onPublished((_, source, text) => heard.set(source, text));
  const say = (event: Partial<RelayedPresence>): void => {
    const stream = streams.at(-1);
    if (!stream) throw new Error('nothing was asked for');
    const whole: RelayedPresence = { type: 'changes', said: [], gone: [], viewers: 0, ...event };
    stream.proof = proofAfter(stream.proof, whole);
    stream.onData({ proof: stream.proof, event: whole }, 0);
  };
  return { clock, streams, told, distrusted, heard, link, others, say };
}

test('Q33 one stream of presence upstream for a campaign, however often it is asked for, and none once nobody is left', async () => {
  const { clock, streams, heard, others, say } = world();
  const reading = [others.presence.read('spring'), others.presence.read('spring')];
  expect(streams.map(({ input }) => input)).toEqual([{ campaignId: 'spring' }]);
  say({ type: 'all', said: [['i1', '[1]']], viewers: 3 });
  const read = await Promise.all(reading);
  expect(read).toEqual([new Map([['i1', '[1]']]), new Map([['i1', '[1]']])]);
  expect(await others.viewers.elsewhere(['spring', 'autumn'])).toEqual(new Map([['spring', 3]]));
  say({ said: [['i2', '[2]']], gone: ['i1'] });
  expect([...heard]).toEqual([
    ['i1', undefined],
    ['i2', '[2]'],
  ]);
  // What counts for nine seconds only is said again while the stream is there.
  heard.clear();
  await clock.advance(3_000);
  expect([...heard]).toEqual([['i2', '[2]']]);
  await others.presence.publish('spring', undefined);
  expect(streams.map(({ stopped }) => stopped)).toEqual([true]);
  others.stop();
});

test('Q33 an event that was lost on its way is noticed, and asked for again', async () => {
  const { clock, streams, distrusted, heard, others, say } = world();
  void others.presence.read('spring');
  say({ type: 'all', said: [['i1', '[1]']] });
  const [stream] = streams;
  if (stream) stream.proof = proofAfter(stream.proof, { type: 'changes', said: [], gone: [], viewers: 9 });
  say({ said: [['i1', '[2]']] });
  expect([distrusted, heard.get('i1')]).toEqual([['spring'], '[1]']);
  await clock.advance(1_000);
  expect(streams).toHaveLength(2);
  say({ type: 'all', said: [['i3', '[3]']] });
  expect([...heard]).toEqual([
    ['i1', undefined],
    ['i3', '[3]'],
  ]);
  others.stop();
});

test('Q33 once the link is lost nothing that upstream has said is said again; the link that is back begins anew', async () => {
  const { clock, streams, heard, others, say } = world();
  void others.presence.read('spring');
  say({ type: 'all', said: [['i1', '[1]']], viewers: 4 });
  streams[0]?.onEnd(LINK_LOST);
  heard.clear();
  await clock.advance(10_000);
  expect([heard.size, streams.length]).toEqual([0, 1]);
  expect((await others.viewers.elsewhere(['spring'])).size).toBe(0);
  others.onUp();
  say({ type: 'all', said: [['i1', '[1]']], viewers: 4 });
  expect(heard.get('i1')).toBe('[1]');
  others.stop();
});

test('Q33 upstream is told how many look at campaigns that are held, when that changes, and all of it on a new link', async () => {
  const { clock, told, link, others } = world();
  let viewers = 2;
  others.viewers.provide(() => viewers);
  others.hold('spring');
  await clock.advance(2_000);
  expect(told).toEqual([{ counts: [{ campaignId: 'spring', viewers: 2 }] }]);
  viewers = 0;
  await clock.advance(1_000);
  expect(told.at(-1)).toEqual({ counts: [{ campaignId: 'spring', viewers: 0 }] });
  viewers = 5;
  await clock.advance(1_000);
  link.generation = 2;
  await clock.advance(1_000);
  expect(told.slice(2)).toEqual([
    { counts: [{ campaignId: 'spring', viewers: 5 }] },
    { counts: [{ campaignId: 'spring', viewers: 5 }] },
  ]);
  others.release('spring');
  await clock.advance(1_000);
  expect(told.at(-1)).toEqual({ counts: [{ campaignId: 'spring', viewers: 0 }] });
  others.stop();
});

test('Q33 a campaign that upstream does not have is asked for again while it is open here, seldom', async () => {
  const { clock, streams, heard, others, say } = world();
  const reading = others.presence.read('spring');
  streams[0]?.onEnd(new RefusalError('NOT_FOUND', 'there is none'));
  expect(await reading).toEqual(new Map());
  await clock.advance(4_000);
  expect(streams).toHaveLength(1);
  await clock.advance(2_000);
  expect(streams).toHaveLength(2);
  say({ type: 'all', said: [['i1', '[1]']] });
  expect(heard.get('i1')).toBe('[1]');
  streams[1]?.onEnd(new RefusalError('NOT_FOUND', 'there is none'));
  await others.presence.publish('spring', undefined);
  await clock.advance(60_000);
  expect(streams).toHaveLength(2);
  others.stop();
});
