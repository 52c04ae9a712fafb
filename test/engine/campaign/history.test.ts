import { describe, expect, it } from 'vitest';
import { createMemoryStore } from '../../../server/archive/memory-archive.ts';
import type { Archive } from '../../../server/engine/ports.ts';
import type { JsonObject } from '../../../server/core/json.ts';
import { LIMITS } from '../../../server/core/limits.ts';
import type { Caller } from '../../../server/engine/service.ts';
import {
  CALLERS,
  CAMPAIGN,
  engineWorld,
  FIRST_STATE,
  refusal,
  setTitle,
  type EngineWorld,
} from '../../support/engine-world.ts';
import { gate } from '../../support/gate.ts';
import { connectSharedLog, createSharedLogStore } from '../../support/shared-log.ts';
import { simulatedClock } from '../../support/simulated-clock.ts';

interface Availability {
  away: boolean;
}

/** A world whose archive takes nothing while it is away, though it can be read. */
function worldWithArchive(
  availability: Availability,
  around: (archive: Archive) => Archive = (archive) => archive,
): EngineWorld {
  return engineWorld({
    aroundArchive: (archive) => ({
      ...around(archive),
      commit: (parts) => (availability.away ? Promise.reject(new Error('away')) : archive.commit(parts)),
      ping: () => (availability.away ? Promise.reject(new Error('away')) : archive.ping()),
    }),
  });
}

async function changes(world: EngineWorld, from: number, to: number): Promise<void> {
  for (let n = from; n <= to; n += LIMITS.pushMutations) {
    const count = Math.min(LIMITS.pushMutations, to - n + 1);
    const mutations = Array.from({ length: count }, (_, i) => ({
      mutationId: `m${n + i}`,
      command: setTitle(`t${n + i}`),
    }));
    await world.clock.until(world.manager.push(CALLERS.editor, CAMPAIGN, mutations));
  }
}

/** The whole history, page by page. */
async function allPages(world: EngineWorld, limit: number): Promise<number[]> {
  const versions: number[] = [];
  let cursor: number | undefined;
  do {
    const page = await world.clock.until(world.manager.history(CALLERS.viewer, CAMPAIGN, { limit, cursor }));
    expect(page.items.length).toBeLessThanOrEqual(limit);
    versions.push(...page.items.map(({ version }) => version));
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return versions;
}

const countdown = (from: number): number[] => Array.from({ length: from }, (_, n) => from - n);

describe('history', () => {
  it('M170 history is complete, newest first, over archive and memory, in pages of any size', async () => {
    const availability = { away: false };
    const world = worldWithArchive(availability);
    await world.create();
    await changes(world, 2, 20);
    await world.clock.advance(100);
    availability.away = true;
    await changes(world, 21, 30);
    for (const limit of [1, 3, 7, 30, 100]) expect(await allPages(world, limit)).toEqual(countdown(30));
    const { items } = await world.manager.history(CALLERS.viewer, CAMPAIGN, { limit: 1, cursor: 25 });
    expect(items).toMatchObject([
      { version: 24, mutationId: 'm24', type: 'update', change: { title: 't24' }, actor: { id: 'ed' } },
    ]);
    expect(items[0]).not.toHaveProperty('command');
    expect(items[0]).not.toHaveProperty('fingerprint');
  });

  it('M171 history is complete also where more waits for the archive than the ring buffer holds', async () => {
    const availability = { away: true };
    const world = worldWithArchive(availability);
    await world.create();
    const total = LIMITS.ringEntries + 700;
    await changes(world, 2, total);
    expect(await allPages(world, LIMITS.pageSize)).toEqual(countdown(total));
    for (const version of [1, 2, 300, total - 1]) {
      const { state } = await world.clock.until(world.manager.at(CALLERS.viewer, CAMPAIGN, version));
      expect(state.title).toBe(version === 1 ? 'Summer' : `t${version}`);
    }
    availability.away = false;
    await world.clock.advance(30_000);
    expect(await allPages(world, LIMITS.pageSize)).toEqual(countdown(total));
  });

  it('M179 a page ends early, with the entry that reaches 1 MiB, also where all of it waits for the archive (G10)', async () => {
    const availability = { away: true };
    const world = worldWithArchive(availability);
    await world.create();
    for (let n = 2; n <= 13; n += 1)
      await world.change({ type: 'update', updates: { text: `${n}`.padEnd(200 * 1024, 'x') } });
    const pages = async (): Promise<number[][]> => {
      const told: number[][] = [];
      for (let cursor: number | undefined; ;) {
        const page = await world.clock.until(world.manager.history(CALLERS.viewer, CAMPAIGN, { limit: 100, cursor }));
        told.push(page.items.map(({ version }) => version));
        cursor = page.nextCursor;
        if (cursor === undefined) return told;
      }
    };
    const expected = [[13, 12, 11, 10, 9, 8], [7, 6, 5, 4, 3, 2], [1]];
    expect(await pages()).toEqual(expected);
    availability.away = false;
    await world.clock.advance(30_000);
    const stored = await pages();
    expect(stored.flat()).toEqual(countdown(13));
    for (const page of stored) expect(page.length).toBeLessThanOrEqual(6);
  });

  it('G6 M172 the state at each version is the fold up to it, committed or not', async () => {
    const availability = { away: false };
    const world = worldWithArchive(availability);
    const { epoch } = await world.create();
    await changes(world, 2, 5);
    await world.change({ type: 'update', updates: { description: 'six', owner_id: null } });
    await world.clock.advance(100);
    availability.away = true;
    await changes(world, 7, 9);
    const { owner_id: _gone, ...rest } = FIRST_STATE;
    const expected = new Map<number, JsonObject>([
      [0, {}],
      [1, FIRST_STATE],
      [4, { ...FIRST_STATE, title: 't4' }],
      [6, { ...rest, title: 't5', description: 'six' }],
      [7, { ...rest, title: 't7', description: 'six' }],
      [9, { ...rest, title: 't9', description: 'six' }],
    ]);
    for (const [version, state] of expected) {
      expect(await world.clock.until(world.manager.at(CALLERS.viewer, CAMPAIGN, version))).toEqual({
        campaignId: CAMPAIGN,
        epoch,
        version,
        state,
      });
    }
    for (const version of [-1, 10]) {
      expect(await refusal(world.manager.at(CALLERS.viewer, CAMPAIGN, version))).toMatchObject({
        reason: 'NOT_FOUND',
        path: ['version'],
      });
    }
  });

  it('M173 the diff of two versions leads from one to the other, in both directions', async () => {
    const availability = { away: false };
    const world = worldWithArchive(availability);
    await world.create();
    await world.clock.advance(100);
    availability.away = true;
    await world.change({ type: 'update', updates: { title: 'two', description: 'new' } });
    const { manager, clock } = world;
    const { epoch } = await manager.get(CALLERS.viewer, CAMPAIGN);
    expect(await clock.until(manager.diff(CALLERS.viewer, CAMPAIGN, 1, 2))).toEqual({
      campaignId: CAMPAIGN,
      epoch,
      from: 1,
      to: 2,
      change: { title: 'two', description: 'new' },
    });
    expect(await clock.until(manager.diff(CALLERS.viewer, CAMPAIGN, 2, 1))).toMatchObject({
      change: { title: 'Summer', description: null },
    });
    expect(await clock.until(manager.diff(CALLERS.viewer, CAMPAIGN, 2, 2))).toMatchObject({ change: {} });
  });

  it('M174 the watermark may move while history is read', async () => {
    const availability = { away: true };
    const reads = gate();
    const world = worldWithArchive(availability, (archive) => ({
      ...archive,
      async stateAt(...args) {
        await reads.pass();
        return archive.stateAt(...args);
      },
    }));
    await world.create();
    await changes(world, 2, 9);
    reads.shut();
    const asked = [1, 5, 8].map((version) => world.manager.at(CALLERS.viewer, CAMPAIGN, version));
    await world.clock.settle();
    availability.away = false;
    await world.clock.advance(10_000);
    reads.open();
    expect((await world.clock.until(Promise.all(asked))).map(({ state }) => state.title)).toEqual([
      'Summer',
      't5',
      't8',
    ]);
  });

  it('M175 the list shows the state in memory, in pages, by status and by rights', async () => {
    const availability = { away: false };
    const world = worldWithArchive(availability);
    for (const id of ['a', 'b', 'c', 'd']) await world.create(id);
    availability.away = true;
    await world.change(setTitle('newer'), {}, 'b');
    await world.change({ type: 'update', updates: { status: 'ended' } }, {}, 'c');
    const { manager, clock } = world;
    const first = await clock.until(manager.list(CALLERS.viewer, { limit: 3 }));
    expect(first).toMatchObject({
      items: [
        { campaignId: 'a' },
        { campaignId: 'b', title: 'newer', version: 2, updatedBy: 'ada' },
        { campaignId: 'c', status: 'ended' },
      ],
      nextCursor: 'c',
    });
    expect(await clock.until(manager.list(CALLERS.viewer, { limit: 3, cursor: 'c' }))).toMatchObject({
      items: [{ campaignId: 'd' }],
      nextCursor: undefined,
    });
    const active = await clock.until(manager.list(CALLERS.viewer, { limit: 10, status: 'active' }));
    expect(active.items.map(({ campaignId }) => campaignId)).toEqual(['a', 'b', 'd']);
  });

  it('M178 a read with a position ahead of this instance waits until the instance has caught up', async () => {
    const clock = simulatedClock();
    const [disk, log] = [createMemoryStore(), createSharedLogStore()];
    const instance = (name: string, publicationDelay: () => number | undefined): EngineWorld =>
      engineWorld({
        clock,
        memory: { store: disk, soleUser: false },
        aroundLog: () => connectSharedLog(log, { clock, instance: name, checkIntervalMs: 2 ** 30, publicationDelay }),
      });
    const [here, deaf] = [instance('here', () => 0), instance('deaf', () => undefined)];
    await here.create();
    await deaf.state();
    const { position, epoch } = await here.title('two');
    const { manager } = deaf;
    expect(await manager.get(CALLERS.viewer, CAMPAIGN)).toMatchObject({ version: 1 });
    expect(await clock.until(manager.at(CALLERS.viewer, CAMPAIGN, position))).toMatchObject({
      version: 2,
      state: { title: 'two' },
    });
    await here.title('three');
    expect(await clock.until(manager.diff(CALLERS.viewer, CAMPAIGN, 1, `${epoch}:3`))).toMatchObject({
      change: { title: 'three' },
    });
    await here.title('four');
    await here.change({ type: 'rollback', toVersion: 1 });
    const back = manager.mutate(CALLERS.editor, CAMPAIGN, { type: 'rollback', toVersion: `${epoch}:4` }, {});
    expect(await clock.until(back)).toMatchObject({ version: 6 });
    expect(await deaf.state()).toMatchObject({ title: 'four' });
    const { position: newest } = await here.title('seven');
    // It does not hear of commits either, but knows the position by now.
    expect(await refusal(clock.until(manager.whenDurable(CALLERS.viewer, CAMPAIGN, newest)))).toMatchObject({
      reason: 'UNAVAILABLE',
    });
    const never = clock.until(manager.whenDurable(CALLERS.viewer, CAMPAIGN, `${epoch}:99`));
    expect(await refusal(never)).toMatchObject({ reason: 'NOT_FOUND' });
  });

  describe('concurrent reads of the archive', () => {
    /** A world whose archive gives one earlier state after the other, when it is told to. */
    async function worldWithSlowPast(): Promise<EngineWorld & { waiting: (() => void)[] }> {
      const waiting: (() => void)[] = [];
      const world = worldWithArchive({ away: false }, (archive) => ({
        ...archive,
        stateAt: (...asked) => new Promise((resolve) => waiting.push(() => resolve(archive.stateAt(...asked)))),
      }));
      await world.create();
      await changes(world, 2, 3);
      await world.clock.advance(100);
      return { ...world, waiting };
    }

    it('M176 a caller with many reads delays no other caller', async () => {
      const { manager, clock, waiting } = await worldWithSlowPast();
      const answered: string[] = [];
      const ask = (caller: Caller): void =>
        void manager.at(caller, CAMPAIGN, 2).then(() => answered.push(caller.identity.id));
      for (let n = 0; n < 100; n += 1) ask(CALLERS.viewer);
      await clock.settle();
      ask(CALLERS.editor);
      await clock.settle();
      expect(waiting).toHaveLength(4);
      for (let n = 0; n < 6; n += 1) {
        waiting.shift()?.();
        await clock.settle();
        expect(waiting).toHaveLength(4);
      }
      expect(answered).toContain('ed');
      while (waiting.length > 0) {
        waiting.shift()?.();
        await clock.settle();
      }
      expect(answered).toHaveLength(101);
    });

    it('M177 an aborted caller is not read for, and one that waits too long is UNAVAILABLE', async () => {
      const { manager, clock, waiting } = await worldWithSlowPast();
      const timers = clock.timers;
      for (let n = 0; n < 4; n += 1) void manager.at(CALLERS.viewer, CAMPAIGN, 2);
      const leaving = new AbortController();
      const gone = refusal(manager.at({ ...CALLERS.editor, signal: leaving.signal }, CAMPAIGN, 2));
      const last = manager.at(CALLERS.viewer, CAMPAIGN, 2);
      const late = refusal(manager.at(CALLERS.admin, CAMPAIGN, 2));
      await clock.settle();
      leaving.abort();
      waiting.shift()?.();
      expect(await clock.until(gone)).toMatchObject({ reason: 'UNAVAILABLE' });
      await clock.advance(10_000);
      expect(await late).toMatchObject({ reason: 'UNAVAILABLE', message: expect.stringContaining('busy') });
      while (waiting.length > 0) {
        waiting.shift()?.();
        await clock.settle();
      }
      expect(await last).toMatchObject({ version: 2 });
      expect(clock.timers).toBe(timers);
    });
  });
});
