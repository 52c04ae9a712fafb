import { describe, expect, it } from 'vitest';
import { createMemoryStore } from '../../../server/archive/memory-archive.ts';
import type { Manager } from '../../../server/engine/manager.ts';
import type { WatchOptions } from '../../../server/engine/service.ts';
import { CALLERS, CAMPAIGN, engineWorld, FIRST_STATE, setTitle, type EngineWorld } from '../../support/engine-world.ts';
import { gate } from '../../support/gate.ts';
import { simulatedClock } from '../../support/simulated-clock.ts';
import {
  testReader,
  watch as watchBy,
  WAYS,
  type TestReader,
  type Watching,
  type Way,
} from '../../support/watching.ts';

type Watch = (manager: Manager, options?: Partial<WatchOptions>, reader?: TestReader) => Watching;

function watcher(way: Way): Watch {
  return (manager, options, reader) => watchBy(manager, options, reader, way);
}

/** So many changes in one turn. */
async function burst(world: EngineWorld, count: number, name = 't'): Promise<void> {
  await world.clock.until(
    Promise.all(
      Array.from({ length: count }, (_, n) =>
        world.manager.mutate(CALLERS.editor, CAMPAIGN, setTitle(`${name}${n}`), {}),
      ),
    ),
  );
}

describe.each(WAYS)('a subscription, by %s', (way) => {
  const watch = watcher(way);

  it('G1 M140 begins with a snapshot, and continues with every entry', async () => {
    const world = engineWorld();
    const created = await world.create();
    const watching = watch(world.manager);
    await world.clock.settle();
    expect(watching.events).toEqual([
      {
        resumeId: created.position,
        event: { type: 'snapshot', reason: 'start', position: created.position, durableVersion: 1, state: FIRST_STATE },
      },
    ]);
    const { position } = await world.title('one', { comment: 'why', mutationId: 'm' });
    expect(watching.events[1]).toEqual({
      resumeId: position,
      event: {
        type: 'entries',
        epoch: created.epoch,
        entries: [
          expect.objectContaining({
            version: 2,
            type: 'update',
            change: { title: 'one' },
            comment: 'why',
            mutationId: 'm',
            actor: { id: 'ada', role: 'admin' },
          }),
        ],
      },
    });
    await burst(world, 5);
    expect(watching.mirror).toMatchObject({ version: 7, entries: 6, content: { state: { title: 't4' } } });
  });

  it('G8 M141 is sent the watermark with receipts, and not without', async () => {
    const world = engineWorld();
    await world.create();
    const [plain, receipts] = [watch(world.manager), watch(world.manager, { receipts: true })];
    await world.clock.settle();
    await world.title('one');
    await world.clock.advance(100);
    expect(receipts.events.at(-1)).toMatchObject({
      event: { type: 'durable', position: expect.stringMatching(/:2$/) },
    });
    expect(receipts.mirror.durable).toBe(2);
    expect(plain.events.map(({ event }) => event.type)).toEqual(['snapshot', 'entries']);
  });

  it('G1 M142 resumes with the entries that it missed, or with an empty list', async () => {
    const world = engineWorld();
    await world.create();
    const { position } = await world.title('one');
    await burst(world, 3);
    const late = watch(world.manager, { lastEventId: position });
    const { epoch, version } = await world.manager.get(CALLERS.viewer, CAMPAIGN);
    const current = watch(world.manager, { lastEventId: `${epoch}:${version}` });
    await world.clock.settle();
    expect(late.events).toMatchObject([
      { event: { type: 'entries', entries: [{ version: 3 }, { version: 4 }, { version: 5 }] } },
    ]);
    expect(current.events).toMatchObject([
      { resumeId: `${epoch}:${version}`, event: { type: 'entries', entries: [] } },
    ]);
  });

  it('M143 gets a snapshot with a reason where the entries are not available', async () => {
    const world = engineWorld({
      aroundArchive: (archive) => ({ ...archive, load: (id, recent) => archive.load(id, Math.min(recent, 2)) }),
      idleTtl: 400,
    });
    const first = await world.create();
    await burst(world, 5);
    await world.clock.advance(2_000);
    const reasons: Record<string, string> = {
      [first.position]: 'too-old',
      [`${first.epoch}:4`]: 'entries',
      [`${first.epoch}:99`]: 'reset',
      'other:2': 'reset',
      nonsense: 'too-old',
      [`${first.epoch}:4.view`]: 'view',
    };
    for (const [lastEventId, reason] of Object.entries(reasons)) {
      const watching = watch(world.manager, { lastEventId });
      await world.clock.settle();
      expect(watching.events).toHaveLength(1);
      expect(watching.events[0]?.event).toMatchObject(
        reason === 'entries' ? { type: 'entries' } : { type: 'snapshot', reason },
      );
    }
  });

  it('G1 M144 after a crash resumes from entries where its position survived, else with a reset snapshot', async () => {
    const store = createMemoryStore();
    const clock = simulatedClock();
    const commits = gate();
    const before = engineWorld({
      clock,
      memory: { store },
      aroundArchive: (archive) => ({
        ...archive,
        async commit(parts) {
          await commits.pass();
          return archive.commit(parts);
        },
      }),
    });
    await before.create();
    const survived = await before.title('kept', { durability: 'durable' });
    commits.shut();
    const lost = await before.title('lost');
    const after = engineWorld({ clock, memory: { store } });
    const [good, bad] = [
      watch(after.manager, { lastEventId: survived.position }),
      watch(after.manager, { lastEventId: lost.position }),
    ];
    await clock.settle();
    await after.title('after');
    expect(good.events.every(({ event }) => event.type === 'entries')).toBe(true);
    expect(bad.events[0]).toMatchObject({ event: { type: 'snapshot', reason: 'reset', state: { title: 'kept' } } });
    expect(bad.mirror).toMatchObject({ version: 3, content: { state: { title: 'after' } } });
  });

  it('G1 M145 a change at any step between its opening and its first event is neither lost nor doubled', async () => {
    // The load takes a few turns; the change comes after each number of them.
    for (let steps = 0; steps < 30; steps += 1) {
      const world = engineWorld({ idleTtl: 400 });
      await world.create();
      await world.clock.advance(1_000);
      const watching = watch(world.manager);
      const resuming = watch(world.manager, { lastEventId: 'other:1' });
      for (let turn = 0; turn < steps; turn += 1) await Promise.resolve();
      await burst(world, 2, `after ${steps} `);
      for (const { mirror, end } of [watching, resuming]) {
        expect(end).toBeUndefined();
        expect(mirror).toMatchObject({ version: 3, content: { state: { title: `after ${steps} 1` } } });
      }
    }
  });

  it('M146 a burst of 1,000 entries in one turn reaches a healthy reader without a snapshot', async () => {
    const world = engineWorld();
    await world.create();
    const watching = watch(world.manager);
    await world.clock.settle();
    await burst(world, 1_000);
    expect(watching.mirror).toMatchObject({ version: 1_001, entries: 1_000, snapshots: ['start'] });
  });
});

describe('a reader that cannot be written to', () => {
  it('G9 M154 is ended with the error that it threw, and does not affect the others of its group', async () => {
    const world = engineWorld();
    await world.create();
    const before = watchBy(world.manager, {}, testReader(), 'push');
    const [reader, ends, failure] = [testReader(), new Array<unknown>(), new Error('the socket is gone')];
    const broken = {
      reader,
      send(): void {
        throw failure;
      },
      end: (error: unknown) => void ends.push(error),
    };
    const slot = await world.clock.until(world.manager.join(CALLERS.viewer, broken, { campaignId: CAMPAIGN }));
    slot.first();
    const behind = watchBy(world.manager, {}, testReader(), 'push');
    await world.clock.settle();
    await world.title('one');
    await world.title('two');
    for (const { mirror, end } of [before, behind]) {
      expect(end).toBeUndefined();
      expect(mirror).toMatchObject({ version: 3, snapshots: ['start'], content: { state: { title: 'two' } } });
    }
    expect(ends).toEqual([failure]);
    expect(reader.listeners).toBe(0);
    expect(world.manager.stats().subscribers).toBe(2);
  });
});

describe.each(WAYS)('a slow reader, by %s', (way) => {
  const watch = watcher(way);
  const CONGESTED = 300 * 1024;

  it('M147 is sent nothing while its socket is congested; within the buffer it then gets the entries', async () => {
    const world = engineWorld({ subscriberBuffer: 16 });
    await world.create();
    const watching = watch(world.manager);
    await world.clock.settle();
    await world.title('zero');
    watching.reader.hold(CONGESTED);
    await world.title('one');
    await burst(world, 15);
    await world.clock.advance(1_000);
    expect(watching.mirror.version).toBe(2);
    watching.reader.hold(0);
    await world.clock.advance(100);
    expect(watching.mirror).toMatchObject({ version: 18, snapshots: ['start'] });
  });

  it('M155 whose socket stays congested for a minute is disconnected, one that drains in time is not', async () => {
    const world = engineWorld();
    await world.create();
    const [stuck, slow] = [watch(world.manager), watch(world.manager)];
    await world.clock.settle();
    for (const { reader } of [stuck, slow]) reader.hold(CONGESTED);
    await world.title('one');
    await world.clock.advance(59_000);
    slow.reader.hold(0);
    await world.clock.advance(100);
    slow.reader.hold(CONGESTED);
    await world.title('two');
    expect(stuck.reader.disconnected).toBe(false);
    await world.clock.advance(2_000);
    expect([stuck.reader.disconnected, stuck.end]).toEqual([true, 'closed']);
    await world.clock.advance(50_000);
    expect(slow.reader.disconnected).toBe(false);
    slow.reader.hold(0);
    await world.clock.advance(100);
    expect(slow.mirror.version).toBe(3);
    expect([stuck.reader.listeners, world.manager.stats().subscribers]).toEqual([0, 1]);
  });

  it('M148 gets one snapshot beyond the buffer, and is healthy again', async () => {
    const world = engineWorld({ subscriberBuffer: 16 });
    await world.create();
    const watching = watch(world.manager);
    await world.clock.settle();
    await world.title('zero');
    watching.reader.hold(CONGESTED);
    await burst(world, 20);
    await world.clock.advance(1_000);
    watching.reader.hold(0);
    await world.clock.advance(100);
    expect(watching.mirror).toMatchObject({ version: 22, snapshots: ['start', 'slow'] });
    await burst(world, 100);
    expect(watching.mirror).toMatchObject({ version: 122, snapshots: ['start', 'slow'] });
  });

  it('M149 that missed nothing while it was congested is as healthy as any other', async () => {
    const commits = gate();
    const world = engineWorld({
      subscriberBuffer: 16,
      aroundArchive: (archive) => ({
        ...archive,
        async commit(parts) {
          await commits.pass();
          return archive.commit(parts);
        },
      }),
    });
    await world.create();
    const watching = watch(world.manager);
    await world.clock.settle();
    commits.shut();
    await world.title('one');
    watching.reader.hold(CONGESTED);
    // All that happens meanwhile is a watermark, which this reader has not asked for.
    commits.open();
    await world.clock.advance(100);
    watching.reader.hold(0);
    await world.clock.advance(100);
    const mutations = Array.from({ length: 100 }, (_, n) => ({ mutationId: `m${n}`, command: setTitle(`t${n}`) }));
    await world.clock.until(world.manager.push(CALLERS.editor, CAMPAIGN, mutations));
    expect(watching.mirror).toMatchObject({ version: 102, snapshots: ['start'] });
  });

  it('G10 M150 costs no memory beyond the ring buffer: nothing is queued for it', async () => {
    const world = engineWorld();
    await world.create();
    const watching = watch(world.manager);
    await world.clock.settle();
    watching.reader.hold(CONGESTED);
    for (let n = 0; n < 3; n += 1) await burst(world, 1_000, `round ${n} `);
    watching.reader.hold(0);
    await world.clock.advance(100);
    expect(watching.mirror.snapshots.at(-1)).toBe('slow');
    expect(watching.events.length).toBeLessThan(4);
    expect(watching.mirror.content.state).toEqual(await world.state());
  });
});

describe.each(WAYS)('the end of a subscription, by %s', (way) => {
  const watch = watcher(way);

  it('M151 follows an abort or a return, also while it waits, and leaves nothing behind', async () => {
    const world = engineWorld();
    await world.create();
    await world.clock.advance(100);
    const timers = world.clock.timers;
    const reader = testReader({ ...CALLERS.viewer.identity, expiresAt: world.clock.now() + 3_600_000 });
    const watchers = Array.from({ length: 1_000 }, () => watch(world.manager, {}, reader));
    await world.clock.settle();
    expect(world.manager.stats().subscribers).toBe(1_000);
    expect(reader.listeners).toBe(1_000);
    for (const [n, watching] of watchers.entries()) {
      if (n % 2 === 0) watching.abort();
      else watching.leave();
    }
    await world.clock.settle();
    expect(watchers.filter(({ end }) => end === 'closed')).toHaveLength(1_000);
    expect(world.manager.stats().subscribers).toBe(0);
    expect(reader.listeners).toBe(0);
    expect(world.clock.timers).toBe(timers);
  });

  it('M152 follows an abort also while the campaign is being loaded, and while the socket is congested', async () => {
    const loads = gate();
    const world = engineWorld({
      idleTtl: 400,
      aroundArchive: (archive) => ({
        ...archive,
        async load(...args) {
          await loads.pass();
          return archive.load(...args);
        },
      }),
    });
    await world.create();
    const full = watch(world.manager);
    await world.clock.settle();
    full.reader.hold(300 * 1024);
    await world.title('one');
    full.abort();
    await world.clock.advance(1_000);
    expect(full.end).toBe('closed');
    await world.clock.advance(1_000);
    expect(world.manager.stats().campaigns).toBe(0);
    loads.shut();
    const loading = watch(world.manager);
    const returning = watch(world.manager);
    await world.clock.settle();
    loading.abort();
    returning.leave();
    await world.clock.settle();
    expect([loading.end, returning.end]).toEqual(['closed', 'closed']);
    loads.open();
    await world.clock.settle();
    expect([loading.events, returning.events]).toEqual([[], []]);
    expect(world.manager.stats().subscribers).toBe(0);
    expect(loading.reader.listeners + returning.reader.listeners).toBe(0);
  });

  it('M153 aborted before it begins, a subscription never begins', async () => {
    const world = engineWorld();
    await world.create();
    const watching = watch(world.manager);
    watching.abort();
    await world.clock.settle();
    expect(watching).toMatchObject({ events: [], end: 'closed' });
    expect(watching.reader.listeners).toBe(0);
    expect(world.manager.stats().subscribers).toBe(0);
  });
});
