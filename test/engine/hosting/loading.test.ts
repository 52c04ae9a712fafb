import { describe, expect, it } from 'vitest';
import { createMemoryStore } from '../../../server/archive/memory-archive.ts';
import type { SealedEntry } from '../../../server/core/stream/log-record.ts';
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
import { watch } from '../../support/watching.ts';

describe('loading', () => {
  it('M1 a campaign is loaded on demand, once, however many callers ask', async () => {
    let loads = 0;
    const world = engineWorld({
      aroundArchive: (archive) => ({
        ...archive,
        load(...args) {
          loads += 1;
          return archive.load(...args);
        },
      }),
    });
    await world.archive.create(CAMPAIGN, await firstEntryOf(world), FIRST_STATE);
    expect(world.manager.stats().campaigns).toBe(0);
    const calls = [
      world.manager.get(CALLERS.viewer, CAMPAIGN),
      world.manager.get(CALLERS.viewer, CAMPAIGN),
      world.manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('Autumn'), {}),
    ];
    await world.clock.until(Promise.all(calls));
    expect(loads).toBe(1);
    expect(world.manager.stats().campaigns).toBe(1);
    expect(await world.state()).toEqual({ ...FIRST_STATE, title: 'Autumn' });
  });

  it('M2 an unknown id is NOT_FOUND for every call, and is there once it has been created', async () => {
    const world = engineWorld();
    const { manager, clock } = world;
    const watching = watch(manager);
    const calls = [
      manager.get(CALLERS.viewer, CAMPAIGN),
      manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('x'), {}),
      manager.push(CALLERS.editor, CAMPAIGN, [{ mutationId: 'a', command: setTitle('x') }]),
      manager.history(CALLERS.viewer, CAMPAIGN, { limit: 1 }),
      manager.at(CALLERS.viewer, CAMPAIGN, 1),
      manager.diff(CALLERS.viewer, CAMPAIGN, 1, 1),
      manager.whenDurable(CALLERS.viewer, CAMPAIGN, 'e:1'),
    ].map(refusal);
    for (const call of calls)
      expect(await clock.until(call)).toMatchObject({ reason: 'NOT_FOUND', path: ['campaignId'] });
    expect(watching.end).toMatchObject({ refusal: { reason: 'NOT_FOUND' } });
    expect(manager.stats().campaigns).toBe(0);

    await world.create();
    expect(await world.state()).toEqual(FIRST_STATE);
    expect(await world.title('Autumn')).toMatchObject({ version: 2, changed: true });
  });

  it('M3 creating a campaign succeeds although a call just before found it missing', async () => {
    const answers = gate();
    const world = engineWorld({
      aroundArchive: (archive) => ({
        ...archive,
        async load(...args) {
          const answer = await archive.load(...args);
          await answers.pass();
          return answer;
        },
      }),
    });
    answers.shut();
    const early = refusal(world.manager.get(CALLERS.viewer, CAMPAIGN));
    await world.clock.settle();
    const created = world.manager.create(CALLERS.admin, CAMPAIGN, FIRST_STATE, {});
    await world.clock.settle();
    await world.clock.settle();
    answers.open();
    expect(await world.clock.until(created)).toMatchObject({ version: 1, durability: 'durable' });
    expect(await early).toMatchObject({ reason: 'NOT_FOUND' });
  });

  it('M4 a failed load fails the calls that wait for it; the next call loads again', async () => {
    let broken = false;
    const world = engineWorld({
      aroundArchive: (archive) => ({
        ...archive,
        load: (...args) => (broken ? Promise.reject(new Error('the database is away')) : archive.load(...args)),
      }),
      idleTtl: 400,
    });
    await world.create();
    await world.clock.advance(1_000);
    expect(world.manager.stats().campaigns).toBe(0);
    broken = true;
    const watching = watch(world.manager);
    const failing = world.manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('x'), {});
    await expect(world.clock.until(failing)).rejects.toThrow('the database does not answer');
    expect(watching.end).toBeInstanceOf(Error);
    broken = false;
    expect(await world.title('Autumn')).toMatchObject({ version: 2 });
  });

  it('M5 ids are unique: a second create is CONFLICT, a retry of the same create is answered as the first', async () => {
    const world = engineWorld();
    const { manager, clock } = world;
    const options = { mutationId: 'create-1' };
    const first = await clock.until(manager.create(CALLERS.admin, CAMPAIGN, FIRST_STATE, options));
    await world.title('Autumn');
    expect(await clock.until(manager.create(CALLERS.admin, CAMPAIGN, FIRST_STATE, options))).toEqual(first);
    const others = [
      manager.create(CALLERS.admin, CAMPAIGN, FIRST_STATE, {}),
      manager.create(CALLERS.admin, CAMPAIGN, { ...FIRST_STATE, title: 'Other' }, options),
    ].map(refusal);
    for (const other of others)
      expect(await clock.until(other)).toMatchObject({ reason: 'CONFLICT', path: ['campaignId'] });
    expect(await world.state()).toEqual({ ...FIRST_STATE, title: 'Autumn' });
  });

  it('M6 a created document is checked, null members are dropped, and editors may not create', async () => {
    const { manager, clock, state } = engineWorld();
    expect(await refusal(manager.create(CALLERS.editor, 'a', FIRST_STATE, {}))).toMatchObject({ reason: 'FORBIDDEN' });
    expect(await refusal(manager.create(CALLERS.admin, 'a', { slug: 'a' }, {}))).toMatchObject({
      reason: 'INVALID',
      path: ['state', 'title'],
    });
    await clock.until(
      manager.create(CALLERS.admin, 'a', { ...FIRST_STATE, about: { x: null, y: 1 }, description: null }, {}),
    );
    expect(await state('a')).toEqual({ ...FIRST_STATE, about: { y: 1 } });
  });

  it('M7 a start file creates its campaign where there is none of that id, and never replaces one', async () => {
    const world = engineWorld();
    expect(await world.clock.until(world.manager.ensure(CAMPAIGN, FIRST_STATE))).toBe(true);
    await world.title('Autumn');
    expect(await world.clock.until(world.manager.ensure(CAMPAIGN, FIRST_STATE))).toBe(false);
    expect(await world.state()).toMatchObject({ title: 'Autumn' });
  });

  it('M8 with CAMPAIGN_MAX_LOADED full, another campaign is OVERLOADED and those in memory go on', async () => {
    const world = engineWorld({ maxLoaded: 1 });
    await world.create('one');
    await world.archive.create('two', await firstEntryOf(world, 'two'), FIRST_STATE);
    expect(await refusal(world.manager.get(CALLERS.viewer, 'two'))).toMatchObject({ reason: 'OVERLOADED', limit: 1 });
    expect(await world.change(setTitle('x'), {}, 'one')).toMatchObject({ version: 2 });
  });

  it('G8 M227 a campaign whose row was changed by hand is not loaded, and where it is in memory its readers notice nothing', async () => {
    const store = createMemoryStore();
    const failures: string[] = [];
    const observer = { failed: ({ error }: { error: Error }) => void failures.push(error.message) };
    const world = engineWorld({ memory: { store } });
    await world.create();
    const watching = watch(world.manager);
    await world.title('one');
    await world.clock.advance(100);
    const row = store.campaigns.get(CAMPAIGN);
    if (!row) throw new Error('the campaign is in the archive');
    const { head } = row;
    row.head = { ...head, version: head.version + 1_000 };
    const durable = world.manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('two'), { durability: 'durable' });
    expect(await world.clock.until(refusal(durable))).toMatchObject({ reason: 'UNAVAILABLE' });
    const late = engineWorld({ memory: { store }, clock: world.clock, observer });
    expect(await world.clock.until(refusal(late.manager.get(CALLERS.viewer, CAMPAIGN)))).toMatchObject({
      reason: 'UNAVAILABLE',
    });
    expect(failures).toMatchObject([expect.stringMatching(/changed by hand/)]);
    row.head = head;
    await world.clock.advance(15_000);
    expect(watching).toMatchObject({ end: undefined, mirror: { version: 3, snapshots: ['start'] } });
    expect(await world.clock.until(world.manager.get(CALLERS.viewer, CAMPAIGN))).toMatchObject({ durableVersion: 3 });
  });

  it('M302 a request that the archive never answers is refused as UNAVAILABLE after 15 s, and the next one is tried', async () => {
    let hangs = false;
    const world = engineWorld({
      aroundArchive: (archive) => ({
        ...archive,
        load: (...args) => (hangs ? new Promise<never>(() => undefined) : archive.load(...args)),
      }),
    });
    await world.create();
    const late = engineWorld({ clock: world.clock, aroundArchive: () => world.archive, aroundLog: () => world.log });
    hangs = true;
    const read = refusal(late.manager.get(CALLERS.viewer, CAMPAIGN));
    expect(await world.clock.until(read)).toMatchObject({ reason: 'UNAVAILABLE' });
    hangs = false;
    expect(await world.clock.until(late.manager.get(CALLERS.viewer, CAMPAIGN))).toMatchObject({ version: 1 });
  });
});

/** The first entry of a campaign, made by a world of its own. */
async function firstEntryOf(world: EngineWorld, campaignId = CAMPAIGN): Promise<SealedEntry> {
  const other = engineWorld({ clock: world.clock });
  await other.create(campaignId);
  const [first] = await other.archive.history(campaignId, undefined, 1);
  if (!first) throw new Error('nothing was created');
  return first;
}
