import { describe, expect, it } from 'vitest';
import { asReceipt, CALLERS, CAMPAIGN, engineWorld, FIRST_STATE, setTitle } from '../../support/engine-world.ts';
import { gate } from '../../support/gate.ts';

describe('ordering', () => {
  it('G7 M10 calls made in order are decided in order, before the campaign is loaded and after', async () => {
    const loads = gate();
    const world = engineWorld({
      aroundArchive: (archive) => ({
        ...archive,
        async load(...args) {
          await loads.pass();
          return archive.load(...args);
        },
      }),
      idleTtl: 400,
    });
    const { manager, clock } = world;
    await world.create();
    await clock.advance(1_000);
    loads.shut();
    const calls = Array.from({ length: 10 }, (_, n) =>
      manager.mutate(CALLERS.editor, CAMPAIGN, setTitle(`cold ${n}`), {}),
    );
    await clock.settle();
    loads.open();
    calls.push(
      ...Array.from({ length: 10 }, (_, n) => manager.mutate(CALLERS.editor, CAMPAIGN, setTitle(`warm ${n}`), {})),
    );
    const receipts = await clock.until(Promise.all(calls));
    expect(receipts.map((receipt) => asReceipt(receipt).version)).toEqual(Array.from({ length: 20 }, (_, n) => n + 2));
    expect(await world.state()).toEqual({ ...FIRST_STATE, title: 'warm 9' });
  });

  it('M11 all mutations that wait while the log is busy are appended together', async () => {
    const appends = gate();
    const sizes: number[] = [];
    const world = engineWorld({
      aroundLog: (log) => ({
        ...log,
        async append(campaignId, expected, entries) {
          sizes.push(entries.length);
          await appends.pass();
          return log.append(campaignId, expected, entries);
        },
      }),
    });
    await world.create();
    appends.shut();
    const first = world.manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('first'), {});
    await world.clock.settle();
    const rest = Array.from({ length: 300 }, (_, n) =>
      world.manager.mutate(CALLERS.editor, CAMPAIGN, setTitle(`t${n}`), {}),
    );
    await world.clock.settle();
    appends.open();
    await world.clock.until(Promise.all([first, ...rest]));
    // At most 128 in one group.
    expect(sizes).toEqual([1, 128, 128, 44]);
  });

  it('M12 each mutation of a group is decided on the state that those before it lead to', async () => {
    const world = engineWorld();
    await world.create();
    const features = (name: string) => ({ type: 'updateFeatures' as const, features: [name], action: 'add' as const });
    const calls = ['a', 'b', 'a', 'c'].map((name) =>
      world.manager.mutate(CALLERS.editor, CAMPAIGN, features(name), {}),
    );
    const receipts = (await world.clock.until(Promise.all(calls))).map(asReceipt);
    expect(receipts.map(({ version, changed }) => [version, changed])).toEqual([
      [2, true],
      [3, true],
      [3, false],
      [4, true],
    ]);
    expect(await world.state()).toMatchObject({ features: ['a', 'b', 'c'] });
  });

  it('M13 a rejection in a group does not affect the others', async () => {
    const world = engineWorld();
    await world.create();
    const { manager, clock } = world;
    const answers = await clock.until(
      Promise.allSettled([
        manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('one'), {}),
        manager.mutate(CALLERS.editor, CAMPAIGN, { type: 'update', updates: { title: null } }, {}),
        manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('two'), {}),
      ]),
    );
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(answers[1]).toMatchObject({ reason: { refusal: { reason: 'INVALID', path: ['title'] } } });
    expect(await world.state()).toMatchObject({ title: 'two' });
  });

  it('M14 the time of an entry never falls, though the clock falls', async () => {
    const world = engineWorld();
    await world.create();
    const later = world.clock.now() + 60_000;
    let now = later;
    const other = engineWorld({ clock: { ...world.clock, now: () => now } });
    await other.create();
    await other.title('late');
    now = later - 30_000;
    await other.title('earlier');
    const { items } = await other.manager.history(CALLERS.viewer, CAMPAIGN, { limit: 3 });
    expect(items.map(({ at }) => at)).toEqual([later, later, later]);
  });
});
