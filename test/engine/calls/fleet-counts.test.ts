import { expect, test } from 'vitest';
import { createFleetCounts } from '../../../server/engine/calls/relays/fleet-counts.ts';
import type { PresenceExchange } from '../../../server/engine/ports.ts';
import { simulatedClock } from '../../support/simulated-clock.ts';

/** What instances say, each to all others. */
function exchangeOf(
  said: Map<string, Map<string, string>>,
  instance: string,
): Pick<PresenceExchange, 'publish' | 'read'> {
  return {
    async publish(key, text) {
      const texts = said.get(key) ?? new Map<string, string>();
      said.set(key, texts);
      if (text === undefined) texts.delete(instance);
      else texts.set(instance, text);
    },
    read: async (key) => new Map([...(said.get(key) ?? [])].filter(([other]) => other !== instance)),
  };
}

test('Q51 the connections of a fleet are counted over relays of one instance, and over instances; fleets are told apart', async () => {
  const clock = simulatedClock();
  const said = new Map<string, Map<string, string>>();
  const [one, two] = ['one', 'two'].map((name) => createFleetCounts({ exchange: exchangeOf(said, name), clock }));
  expect(await one?.report('eu', 'relay-a', 100)).toEqual({ members: 1, connections: 100 });
  expect(await one?.report('eu', 'relay-b', 20)).toEqual({ members: 2, connections: 120 });
  expect(await two?.report('eu', 'relay-c', 3)).toEqual({ members: 3, connections: 123 });
  expect(await two?.report('us', 'relay-d', 1_000)).toEqual({ members: 1, connections: 1_000 });
  expect(await one?.report('eu', 'relay-a', 90)).toEqual({ members: 3, connections: 113 });
  // Its relay has come to the other instance, and counts once.
  expect(await two?.report('eu', 'relay-b', 30)).toEqual({ members: 3, connections: 123 });
});

test('Q51 a server that says nothing any more counts for fifteen seconds', async () => {
  const clock = simulatedClock();
  const counts = createFleetCounts({ exchange: exchangeOf(new Map(), 'one'), clock });
  await counts.report('eu', 'relay-a', 100);
  await clock.advance(10_000);
  expect(await counts.report('eu', 'relay-b', 20)).toEqual({ members: 2, connections: 120 });
  await clock.advance(10_000);
  expect(await counts.report('eu', 'relay-b', 20)).toEqual({ members: 1, connections: 20 });
});

test('Q51 what another version has said is passed over, and what one server says of others is bounded', async () => {
  const clock = simulatedClock();
  const said = new Map([['fleet/eu', new Map([['other', '["what?"]']])]]);
  const counts = createFleetCounts({ exchange: exchangeOf(said, 'one'), clock });
  expect(await counts.report('eu', 'relay-a', 1)).toEqual({ members: 1, connections: 1 });
  for (let member = 0; member < 1_100; member += 1) await counts.report('eu', `relay-${member}`, 1);
  expect((await counts.report('eu', 'relay-a', 1)).members).toBe(1_024);
});

test('Q51 a connection is one member, which no other connection can be, and is none once it has closed', async () => {
  const counts = createFleetCounts({ exchange: exchangeOf(new Map(), 'one'), clock: simulatedClock() });
  const [first, second] = [new AbortController(), new AbortController()];
  const [one, two] = [
    { connection: first, closed: first.signal },
    { connection: second, closed: second.signal },
  ];
  await counts.report('eu', 'here', 10);
  expect(await counts.report('eu', 'relay-a', 100, one)).toEqual({ members: 2, connections: 110 });
  for (const [fleet, member] of [
    ['eu', 'relay-b'],
    ['us', 'relay-a'],
  ] as const)
    await expect(counts.report(fleet, member, 1, one)).rejects.toThrow('one member of one fleet');
  for (const member of ['here', 'relay-a'])
    await expect(counts.report('eu', member, 1, two)).rejects.toThrow('another connection is that member');
  expect(await counts.report('eu', 'here', 10)).toEqual({ members: 2, connections: 110 });
  first.abort();
  expect(await counts.report('eu', 'here', 10)).toEqual({ members: 1, connections: 10 });
  // It has come by another connection.
  expect(await counts.report('eu', 'relay-a', 90, two)).toEqual({ members: 2, connections: 100 });
  const request = { connection: {}, closed: AbortSignal.abort() };
  expect(await counts.report('eu', 'relay-c', 1_000, request)).toEqual({ members: 2, connections: 100 });
});
