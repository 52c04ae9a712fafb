import { describe, expect, it } from 'vitest';
import { createMemoryArchive, createMemoryStore } from '../../../server/archive/memory-archive.ts';
import { colourOf, PRESENCE_LIMITS, type PresenceEvent } from '../../../server/core/presence/presence.ts';
import type { Identity } from '../../../server/core/permissions.ts';
import { BACKPRESSURE_HIGH_WATER_BYTES } from '../../../server/engine/streams/backpressure.ts';
import { createPresenceRoom } from '../../../server/engine/presence/presence-room.ts';
import { createManager, type Manager, type ManagerOptions } from '../../../server/engine/manager.ts';
import type { Reader } from '../../../server/engine/service.ts';
import { CALLERS, CAMPAIGN, FIRST_STATE, refusal } from '../../support/engine-world.ts';
import { connectSharedLog, createSharedLogStore } from '../../support/shared-log.ts';
import { simulatedClock } from '../../support/simulated-clock.ts';

const person = (id: string, role: 'editor' | 'viewer' | 'admin' = 'editor'): Identity => ({
  id,
  grants: { '*': role },
});

async function world(options: Partial<ManagerOptions> = {}) {
  const clock = simulatedClock();
  const store = createSharedLogStore();
  const archive = createMemoryStore();
  const logs = [0, 1].map((index) => connectSharedLog(store, { clock, instance: `i${index}` }));
  const [a, b] = logs.map((log): Manager =>
    createManager({ log, archive: createMemoryArchive({ store: archive, soleUser: false }), clock, ...options }),
  );
  if (!a || !b) throw new Error('there are two');
  await clock.until(a.create(CALLERS.admin, CAMPAIGN, FIRST_STATE, {}), 30_000);

  /** A page of somebody, and what it has been told. */
  const open = async (identity: Identity, on: Manager) => {
    const closed = new AbortController();
    const reader: Reader = {
      identity: () => identity,
      bufferedBytes: () => 0,
      onIdentity: () => () => undefined,
      disconnect: () => undefined,
    };
    const caller = { identity, correlationId: 'c', signal: closed.signal };
    const events: PresenceEvent[] = [];
    const members = new Map<string, PresenceEvent & object>();
    const stream = on.presence.watch(caller, reader, CAMPAIGN);
    const told = new Map<string, unknown>();
    let counts = { more: 0, viewers: 0 };
    void (async () => {
      for await (const event of stream) {
        events.push(event);
        counts = { more: event.more, viewers: event.viewers };
        if (event.type === 'all') told.clear();
        for (const member of event.type === 'all' ? event.members : event.changed) told.set(member.id, member);
        for (const id of event.type === 'changes' ? event.removed : []) told.delete(id);
      }
    })();
    await clock.advance(300);
    return {
      events,
      members,
      told,
      ids: () => [...told.keys()].sort(),
      counts: () => counts,
      set: (setting: { focus?: string[]; data?: Record<string, string> }) =>
        on.presence.set(caller, reader, CAMPAIGN, setting),
      close: () => closed.abort(),
    };
  };
  const stop = () => clock.until(Promise.all([a, b].map((each) => each.stop(1_000))), 30_000);
  return { clock, store, logs, a, b, open, stop };
}

describe('presence', () => {
  it('J70 an editor is told everybody at once, pages of one person are one member, and who leaves is gone within two seconds', async () => {
    const { clock, a, b, open, stop } = await world();
    const ada = await open(person('ada'), a);
    const [bob, again] = [await open(person('bob'), b), await open(person('bob'), a)];
    expect(bob.events[0]).toMatchObject({ type: 'all', members: [{ id: 'bob' }, { id: 'ada', tabs: 1 }] });
    expect(ada.ids()).toEqual(['ada', 'bob']);
    expect(ada.told.get('bob')).toMatchObject({ tabs: 2, colour: colourOf('bob') });
    again.close();
    await clock.advance(500);
    expect(ada.told.get('bob')).toMatchObject({ tabs: 1 });
    bob.close();
    await clock.advance(2_000);
    expect(ada.ids()).toEqual(['ada']);
    await stop();
  });

  it('J71 where a page is and what it says travel at most ten times a second, the latest wins', async () => {
    const { clock, a, b, open, stop } = await world();
    const [ada, bob] = [await open(person('ada'), a), await open(person('bob'), b)];
    const before = bob.events.length;
    for (let step = 0; step < 100; step += 1) {
      ada.set({ focus: ['title'], data: { step: `${step}` } });
      await clock.advance(10);
    }
    await clock.advance(300);
    expect(bob.told.get('ada')).toMatchObject({ focus: ['title'], data: { step: '99' } });
    expect(bob.events.length - before).toBeLessThanOrEqual(12);
    ada.set({});
    await clock.advance(300);
    expect(bob.told.get('ada')).not.toHaveProperty('focus');
    await stop();
  });

  it('J72 heartbeats are told to nobody', async () => {
    const { clock, a, b, open, stop } = await world();
    const [ada] = [await open(person('ada'), a), await open(person('bob'), b)];
    const before = ada.events.length;
    await clock.advance(30_000);
    expect(ada.events.length).toBe(before);
    expect(ada.ids()).toEqual(['ada', 'bob']);
    await stop();
  });

  it('J73 the people of an instance that died are gone within ten seconds', async () => {
    const { clock, logs, a, b, open } = await world();
    const [ada] = [await open(person('ada'), a), await open(person('bob'), b)];
    expect(ada.ids()).toEqual(['ada', 'bob']);
    await logs[1]?.stop();
    await clock.advance(10_000);
    expect(ada.ids()).toEqual(['ada']);
    await a.stop(1_000);
  });

  it('G11 J74 who may not edit is told counts, and is no member; a place in a hidden field is told to nobody else', async () => {
    const { clock, a, b, open, stop } = await world({ rights: { budget: { read: 'admin' } } });
    const [ada, ed] = [await open(person('ada', 'admin'), a), await open(person('ed'), b)];
    const vera = await open(person('vera', 'viewer'), a);
    ada.set({ focus: ['budget', 'sum'], data: { note: 'secret' } });
    await clock.advance(500);
    expect(vera.ids()).toEqual([]);
    expect(vera.counts()).toMatchObject({ more: 2 });
    expect(JSON.stringify(vera.events)).not.toMatch(/ada|ed"/);
    expect(ed.ids()).toEqual(['ada', 'ed']);
    expect(JSON.stringify(ed.events)).not.toMatch(/budget|secret/);
    expect(await refusal((async () => vera.set({ focus: ['title'] }))())).toMatchObject({ reason: 'FORBIDDEN' });
    await stop();
  });

  it(`J75 at most ${PRESENCE_LIMITS.members} are told in full, of the others there is a count`, async () => {
    const { clock, a, open, stop } = await world();
    const ada = await open(person('ada'), a);
    for (let index = 0; index < PRESENCE_LIMITS.members + 20; index += 1) void open(person(`p${index}`), a);
    await clock.advance(2_000);
    expect(ada.ids().length).toBe(PRESENCE_LIMITS.members);
    expect(ada.counts().more).toBe(21);
    await stop();
  });

  it('J117 what all of an audience are told is made once: they are given the same object', async () => {
    const { a, open, stop } = await world();
    const editors = [await open(person('ada'), a), await open(person('bob'), a), await open(person('cem'), a)];
    const viewers = [await open(person('vera', 'viewer'), a), await open(person('vic', 'viewer'), a)];
    await open(person('dan'), a);
    for (const audience of [editors, viewers]) {
      const newest = audience.map(({ events }) => events.at(-1));
      expect(newest[0]).toMatchObject({ type: 'changes' });
      for (const event of newest) expect(event).toBe(newest[0]);
    }
    await stop();
  });

  it('J121 a page whose socket is congested is told once it has drained, and of the newest alone', async () => {
    const { a, clock, open, stop } = await world();
    const mover = await open(person('bob'), a);
    let buffered = 0;
    const identity = person('ada');
    const reader: Reader = {
      identity: () => identity,
      bufferedBytes: () => buffered,
      onIdentity: () => () => undefined,
      disconnect: () => undefined,
    };
    const closed = new AbortController();
    const events: PresenceEvent[] = [];
    const reading = (async () => {
      const caller = { identity, correlationId: 'c', signal: closed.signal };
      for await (const event of a.presence.watch(caller, reader, CAMPAIGN)) events.push(event);
    })();
    await clock.advance(500);
    const before = events.length;
    buffered = BACKPRESSURE_HIGH_WATER_BYTES + 1;
    for (let move = 0; move < 20; move += 1) {
      mover.set({ focus: ['scripts', `s${move}`] });
      await clock.advance(200);
    }
    expect(events).toHaveLength(before);
    buffered = 0;
    await clock.advance(500);
    expect(events.slice(before)).toEqual([
      expect.objectContaining({ changed: [expect.objectContaining({ id: 'bob', focus: ['scripts', 's19'] })] }),
    ]);
    closed.abort();
    await clock.until(reading);
    await stop();
  });

  it('J76 who has no right to the campaign, or does not watch it, is refused', async () => {
    const { a, clock, stop } = await world();
    const reader = {
      identity: () => person('x'),
      bufferedBytes: () => 0,
      onIdentity: () => () => undefined,
      disconnect: () => undefined,
    };
    expect(await refusal((async () => a.presence.watch(CALLERS.stranger, reader, CAMPAIGN))())).toMatchObject({
      reason: 'FORBIDDEN',
    });
    const set = async () => a.presence.set(CALLERS.editor, reader, CAMPAIGN, {});
    expect(await refusal(set())).toMatchObject({ reason: 'NOT_FOUND' });
    await clock.advance(1);
    await stop();
  });
});

it('Q35 a relay is told of a person who has moved to another one, though everybody else sees the same', async () => {
  const clock = simulatedClock();
  const log = connectSharedLog(createSharedLogStore(), { clock, instance: 'i0' });
  const relays = { one: {}, two: {} };
  const readerOf = (relay?: object): Reader => ({
    identity: () => person('ada'),
    bufferedBytes: () => 0,
    onIdentity: () => () => undefined,
    disconnect: () => undefined,
    ...(relay && { relay }),
  });
  const room = createPresenceRoom({
    campaignId: CAMPAIGN,
    log,
    clock,
    viewersHere: () => 1,
    onEmpty: () => undefined,
    onFailure: expect.unreachable,
  });
  await clock.advance(100);
  let wakes = 0;
  const others = () => [...room.sources().values()].filter(({ via }) => via !== relays.one).map(({ text }) => text);
  // Another page of hers, so that she has been there since then all the time.
  room.enter(readerOf(), () => (wakes += 1)).setMember(person('ada'));
  const before = room.enter(readerOf(relays.one), () => undefined);
  before.setMember(person('ada'));
  await clock.advance(200);
  expect(others()).toHaveLength(1);
  const [present, woken] = [room.present(), wakes];
  before.leave();
  room.enter(readerOf(relays.two), () => undefined).setMember(person('ada'));
  await clock.advance(200);
  expect(room.present()).toBe(present);
  expect(others()).toHaveLength(2);
  expect(wakes).toBeGreaterThan(woken);
  const [settled, known] = [wakes, room.sources()];
  room.onViewers();
  await clock.advance(200);
  expect([wakes, room.sources()]).toEqual([settled, known]);
  room.stop();
});
