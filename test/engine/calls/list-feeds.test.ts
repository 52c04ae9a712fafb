import { describe, expect, it } from 'vitest';
import { createMemoryArchive, createMemoryStore } from '../../../server/archive/memory-archive.ts';
import type { ListEvent, ListedCampaign } from '../../../server/core/stream/list-events.ts';
import { createManager, type Manager } from '../../../server/engine/manager.ts';
import type { Caller, ListOptions } from '../../../server/engine/service.ts';
import { CALLERS, engineWorld, FIRST_STATE } from '../../support/engine-world.ts';
import { connectSharedLog, createSharedLogStore } from '../../support/shared-log.ts';
import { simulatedClock } from '../../support/simulated-clock.ts';
import { testReader, watch, type TestReader } from '../../support/watching.ts';

interface WatchedList {
  readonly events: ListEvent[];
  readonly reader: TestReader;
  /** The page that the events add up to. */
  rows(): ListedCampaign[];
  ids(): string[];
  nextCursor(): string | undefined;
  end: unknown;
  abort(): void;
}

function watchList(
  manager: Manager,
  options: Partial<ListOptions> = {},
  reader: TestReader = testReader(),
): WatchedList {
  const controller = new AbortController();
  const events: ListEvent[] = [];
  const rows = new Map<string, ListedCampaign>();
  let nextCursor: string | undefined;
  const list: WatchedList = {
    events,
    reader,
    rows: () => [...rows.values()].toSorted((a, b) => (a.campaignId < b.campaignId ? -1 : 1)),
    ids: () => list.rows().map(({ campaignId }) => campaignId),
    nextCursor: () => nextCursor,
    end: undefined,
    abort: () => controller.abort(),
  };
  const read = async (): Promise<void> => {
    const caller = { identity: reader.identity(), correlationId: 'c-list', signal: controller.signal };
    for await (const event of manager.watchList(caller, reader, { limit: 50, ...options })) {
      events.push(event);
      if (event.type === 'page') rows.clear();
      else for (const id of event.removed) rows.delete(id);
      for (const row of event.type === 'page' ? event.campaigns : event.changed) rows.set(row.campaignId, row);
      ({ nextCursor } = event);
    }
  };
  read().then(
    () => (list.end = 'closed'),
    (error: unknown) => (list.end = error),
  );
  return list;
}

const draft = (slug: string) => ({ ...FIRST_STATE, slug, status: 'draft' });

describe('a live list', () => {
  it('M220 begins with the page, and continues with what is created, renamed, archived and watched', async () => {
    const world = engineWorld();
    await world.create('b');
    const list = watchList(world.manager);
    await world.clock.advance(10);
    expect(list.events).toEqual([
      {
        type: 'page',
        campaigns: [
          {
            campaignId: 'b',
            title: 'Summer',
            status: 'active',
            owner: 'the owner',
            version: 1,
            updatedAt: expect.any(Number),
            updatedBy: 'ada',
            viewers: 0,
          },
        ],
      },
    ]);
    await world.create('a');
    await world.change({ type: 'update', updates: { title: 'Autumn' } }, {}, 'b');
    await world.clock.advance(3_000);
    expect(list.rows()).toMatchObject([
      { campaignId: 'a', title: 'Summer' },
      { campaignId: 'b', title: 'Autumn', version: 2 },
    ]);
    const watching = watch(world.manager, { campaignId: 'b' });
    await world.change({ type: 'archive' }, {}, 'a');
    await world.clock.advance(1_000);
    expect(list.rows()).toMatchObject([
      { campaignId: 'a', archivedAt: expect.any(Number) },
      { campaignId: 'b', viewers: 1 },
    ]);
    watching.abort();
    await world.clock.advance(1_000);
    expect(list.rows()).toMatchObject([{}, { viewers: 0 }]);
    const { length } = list.events;
    await world.clock.advance(60_000);
    expect(list.events).toHaveLength(length);
  });

  it('M221 is a page of any size: what is created pushes the last one off it, and the cursor follows', async () => {
    const world = engineWorld();
    for (const id of ['b', 'd', 'f']) await world.create(id);
    const first = watchList(world.manager, { limit: 2 });
    const second = watchList(world.manager, { limit: 2, cursor: 'd' });
    await world.clock.advance(10);
    expect([first.ids(), first.nextCursor(), second.ids(), second.nextCursor()]).toEqual([
      ['b', 'd'],
      'd',
      ['f'],
      undefined,
    ]);
    await world.create('c');
    await world.create('e');
    await world.clock.advance(5_000);
    expect([first.ids(), first.nextCursor(), second.ids()]).toEqual([['b', 'c'], 'c', ['e', 'f']]);
    expect(first.events.at(-1)).toMatchObject({ type: 'changes', removed: ['d'], changed: [{ campaignId: 'c' }] });
  });

  it('G11 M222 shows each caller what it may read, and a campaign that is absent or a draft appears once it may be read', async () => {
    const world = engineWorld({ hiddenFromPublic: ['title'] });
    await world.create('drafted', draft('drafted'));
    const anonymous = () => testReader(CALLERS.anonymous.identity);
    const all = watchList(world.manager, {}, anonymous());
    const waiting = ['drafted', 'absent'].map((id) => watchList(world.manager, { campaignIds: [id] }, anonymous()));
    const only = watchList(world.manager, {}, testReader({ id: 'x', grants: { absent: 'viewer' } }));
    const stranger = watchList(world.manager, { campaignIds: ['drafted'] }, testReader(CALLERS.stranger.identity));
    await world.clock.advance(10_000);
    const lists = [all, ...waiting, only, stranger];
    for (const { events } of lists) expect(events).toEqual([{ type: 'page', campaigns: [] }]);
    await world.change({ type: 'update', updates: { status: 'active' } }, {}, 'drafted');
    await world.create('absent');
    await world.clock.advance(5_000);
    expect(lists.map((list) => list.ids())).toEqual([['absent', 'drafted'], ['drafted'], ['absent'], ['absent'], []]);
    expect(all.rows()[0]).toEqual({
      campaignId: 'absent',
      title: '',
      status: 'active',
      owner: 'the owner',
      version: 1,
      updatedAt: expect.any(Number),
    });
    await world.change({ type: 'update', updates: { status: 'draft' } }, {}, 'drafted');
    await world.clock.advance(5_000);
    expect(all.ids()).toEqual(['absent']);
  });

  it('G11 M223 follows the rights of its reader: a new token has its own page, an expired one ends it', async () => {
    const world = engineWorld({ hiddenFromPublic: ['status'] });
    await world.create('one');
    await world.create('two');
    const reader = testReader({ id: 'x', grants: { one: 'viewer' } });
    const list = watchList(world.manager, {}, reader);
    await world.clock.advance(10);
    reader.become({ id: 'x', grants: { two: 'viewer' }, expiresAt: world.clock.now() + 10_000 });
    await world.clock.advance(5_000);
    expect(list.events).toMatchObject([
      { type: 'page', campaigns: [{ campaignId: 'one' }] },
      { type: 'page', campaigns: [{ campaignId: 'two' }] },
    ]);
    await world.clock.advance(5_000);
    expect(list.end).toMatchObject({ refusal: { reason: 'UNAUTHORIZED' } });
    expect(reader.listeners).toBe(0);
    const filtered = watchList(world.manager, { status: 'active' }, testReader(CALLERS.anonymous.identity));
    await world.clock.settle();
    expect(filtered.end).toMatchObject({ refusal: { reason: 'FORBIDDEN' } });
  });

  it('M224 costs the archive the same for a thousand subscribers as for one, and nothing without any', async () => {
    let reads = 0;
    const world = engineWorld({
      aroundArchive: (archive) => ({
        ...archive,
        list(query) {
          reads += 1;
          return archive.list(query);
        },
      }),
    });
    await world.create();
    await world.clock.advance(1_000);
    const timers = world.clock.timers;
    const lists = Array.from({ length: 1_000 }, () => watchList(world.manager));
    await world.clock.advance(20_000);
    expect(reads).toBeLessThanOrEqual(11);
    await world.title('Autumn');
    await world.clock.advance(1_000);
    const events = lists.map((list) => list.events.at(-1));
    expect(events[0]).toMatchObject({ type: 'changes', changed: [{ title: 'Autumn' }] });
    expect(new Set(events).size).toBe(1);
    for (const list of lists) list.abort();
    await world.clock.advance(1_000);
    const before = reads;
    await world.clock.advance(60_000);
    expect([reads, world.clock.timers, new Set(lists.map(({ end }) => end))]).toEqual([
      before,
      timers,
      new Set(['closed']),
    ]);
  });

  it('G10 M225 a slow reader is sent nothing meanwhile, and then one event; different pages are bounded', async () => {
    const world = engineWorld();
    await world.create();
    const slow = watchList(world.manager);
    await world.clock.advance(10);
    await world.title('zero');
    await world.clock.advance(1_000);
    slow.reader.hold(300 * 1024);
    for (const title of ['one', 'two', 'three']) {
      await world.title(title);
      await world.clock.advance(1_000);
    }
    const { length } = slow.events;
    slow.reader.hold(0);
    await world.clock.advance(1_000);
    expect(slow.events.length).toBeLessThanOrEqual(length + 1);
    expect(slow.rows()).toMatchObject([{ title: 'three' }]);
    const many = Array.from({ length: 1_001 }, (_, n) => watchList(world.manager, { cursor: `c${n}` }));
    await world.clock.settle();
    expect(many.filter(({ end }) => end !== undefined).map(({ end }) => end)).toMatchObject([
      { refusal: { reason: 'OVERLOADED' } },
      { refusal: { reason: 'OVERLOADED' } },
    ]);
  });

  it('M226 shows what other instances create and change, and the viewers on all of them', async () => {
    const clock = simulatedClock();
    const [log, store] = [createSharedLogStore(), createMemoryStore()];
    const [here, there] = ['here', 'there'].map((instance) =>
      createManager({
        log: connectSharedLog(log, { clock, instance }),
        archive: createMemoryArchive({ store, soleUser: false }),
        clock,
      }),
    );
    if (!here || !there) throw new Error('there are two');
    const list = watchList(here);
    await clock.advance(10);
    await clock.until(there.create(CALLERS.admin, 'one', { ...FIRST_STATE, slug: 'one' }, {}));
    await clock.advance(3_000);
    expect(list.rows()).toMatchObject([{ campaignId: 'one', title: 'Summer' }]);
    await clock.until(there.mutate(CALLERS.admin, 'one', { type: 'update', updates: { title: 'Autumn' } }, {}));
    await clock.advance(3_000);
    expect(list.rows()).toMatchObject([{ title: 'Autumn', version: 2, viewers: 0 }]);
    const watching = [here, there, there].map((manager) => watch(manager, { campaignId: 'one' }));
    await clock.advance(5_000);
    expect(list.rows()).toMatchObject([{ viewers: 3 }]);
    watching[2]?.abort();
    await clock.advance(5_000);
    expect(list.rows()).toMatchObject([{ viewers: 2 }]);
  });

  it('M303 is a window of a longer list, by last change, with the number of all: what changes moves to its place', async () => {
    const world = engineWorld();
    for (const id of ['a', 'b', 'c']) {
      await world.create(id);
      await world.clock.advance(1_000);
    }
    const [first, second] = [0, 2].map((offset) => watchList(world.manager, { sort: 'updated', offset, limit: 2 }));
    await world.clock.advance(10);
    expect(first?.events[0]).toMatchObject({
      type: 'page',
      campaigns: [{ campaignId: 'c' }, { campaignId: 'b' }],
      total: 3,
    });
    expect(second?.events[0]).toMatchObject({ campaigns: [{ campaignId: 'a' }], total: 3 });
    await world.change({ type: 'update', updates: { title: 'Autumn', tags: ['sale'], owner_id: 'ada' } }, {}, 'a');
    await world.create('d');
    await world.clock.advance(5_000);
    expect(first?.ids()).toEqual(['a', 'd']);
    expect(second?.ids()).toEqual(['b', 'c']);
    expect(first?.rows()[0]).toMatchObject({ owner: 'ada', tags: ['sale'] });
    expect(first?.events.at(-1)).toMatchObject({ type: 'changes', total: 4 });
    const page = await world.clock.until(
      world.manager.list(CALLERS.admin, { sort: 'title', limit: 2, offset: 1, search: 'summer' }),
    );
    expect(page).toMatchObject({ items: [{ campaignId: 'c' }, { campaignId: 'd' }], total: 3, nextCursor: undefined });
    const searched = watchList(world.manager, { search: 'AUT' });
    await world.clock.advance(10);
    expect(searched.ids()).toEqual(['a']);
    // From memory, before the archive is asked again.
    await world.change({ type: 'update', updates: { title: 'Winter' } }, {}, 'a');
    await world.clock.advance(600);
    expect(searched.ids()).toEqual([]);
  });

  it('G11 M304 nobody finds, filters or orders campaigns by a field that a view of his hides', async () => {
    const world = engineWorld({ rights: { tags: { read: 'editor' }, title: { read: 'editor' } } });
    await world.create('one', { ...FIRST_STATE, title: 'Secret', owner_id: 'ada', tags: ['hush'] });
    const ids = async (caller: Caller, options: Partial<ListOptions>) =>
      (await world.clock.until(world.manager.list(caller, { limit: 10, ...options }))).items.map(
        ({ campaignId }) => campaignId,
      );
    for (const search of ['secret', 'hush', 'ada', 'one'])
      expect(await ids(CALLERS.editor, { search })).toEqual(['one']);
    expect(await ids(CALLERS.viewer, { search: 'secret' })).toEqual([]);
    expect(await ids(CALLERS.viewer, { search: 'hush' })).toEqual([]);
    expect(await ids(CALLERS.viewer, { search: 'ada' })).toEqual(['one']);
    expect(await ids(CALLERS.anonymous, { search: 'ada' })).toEqual([]);
    expect(await ids(CALLERS.anonymous, { search: 'ONE' })).toEqual(['one']);
    const refused: readonly [Caller, Partial<ListOptions>, string][] = [
      [CALLERS.viewer, { tag: 'hush' }, 'tag'],
      [CALLERS.viewer, { sort: 'title' }, 'sort'],
      [CALLERS.anonymous, { owner: 'ada' }, 'owner'],
    ];
    for (const [caller, options, field] of refused)
      await expect(world.manager.list(caller, { limit: 10, ...options })).rejects.toMatchObject({
        refusal: { reason: 'FORBIDDEN', path: [field] },
      });
    const { items } = await world.clock.until(world.manager.list(CALLERS.viewer, { limit: 10 }));
    expect(items[0]).not.toHaveProperty('tags');
    const open = await world.clock.until(world.manager.list(CALLERS.anonymous, { limit: 10 }));
    expect(open.items[0]).not.toHaveProperty('owner');
  });
});
