import { describe, expect, it } from 'vitest';
import { createMemoryStore } from '../../../server/archive/memory-archive.ts';
import type { Mutation } from '../../../server/core/commands/command.ts';
import { CALLERS, CAMPAIGN, engineWorld, FIRST_STATE, refusal, setTitle } from '../../support/engine-world.ts';
import { simulatedClock } from '../../support/simulated-clock.ts';

const mutation = (mutationId: string, title: string, more = {}) => ({ mutationId, command: setTitle(title), ...more });

describe('push', () => {
  it('M50 answers each mutation with a receipt or an error, in order', async () => {
    const world = engineWorld();
    const { position } = await world.create();
    const outcomes = await world.clock.until(
      world.manager.push(CALLERS.editor, CAMPAIGN, [
        mutation('a', 'one', { base: position, comment: 'the first' }),
        { mutationId: 'b', command: { type: 'update', updates: { slug: null } } },
        mutation('c', 'one'),
        mutation('d', 'two', { expectedVersion: position }),
        mutation('e', 'two'),
      ]),
    );
    expect(outcomes).toMatchObject([
      { ok: true, receipt: { mutationId: 'a', version: 2, changed: true, durability: 'accepted' } },
      { ok: false, mutationId: 'b', error: { reason: 'INVALID', path: ['slug'], retryable: false, mutationId: 'b' } },
      { ok: true, receipt: { mutationId: 'c', version: 2, changed: false } },
      { ok: false, mutationId: 'd', error: { reason: 'CONFLICT', retryable: false } },
      { ok: true, receipt: { mutationId: 'e', version: 3, changed: true } },
    ]);
    const { items } = await world.manager.history(CALLERS.viewer, CAMPAIGN, { limit: 2 });
    expect(items).toMatchObject([
      { mutationId: 'e' },
      { mutationId: 'a', comment: 'the first', actor: { id: 'ed', role: 'editor' } },
    ]);
    expect(await world.clock.until(world.manager.push(CALLERS.editor, CAMPAIGN, []))).toEqual([]);
  });

  it('G7 M51 a failure of the log stops the whole push, so that no retry is overtaken', async () => {
    let failing = false;
    const world = engineWorld({
      aroundLog: (log) => ({
        ...log,
        append: (...args) => (failing ? Promise.reject(new Error('no connection')) : log.append(...args)),
      }),
    });
    await world.create();
    failing = true;
    // Other mutations wait beside it; the push stays one unit whatever stands before it.
    const before = refusal(world.manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('before'), {}));
    const push = refusal(
      world.manager.push(
        CALLERS.editor,
        CAMPAIGN,
        Array.from({ length: 100 }, (_, n) => mutation(`p${n}`, `t${n}`)),
      ),
    );
    expect(await world.clock.until(push)).toMatchObject({ reason: 'UNAVAILABLE' });
    expect(await world.clock.until(before)).toMatchObject({ reason: 'UNAVAILABLE' });
    expect(await world.state()).toEqual(FIRST_STATE);
    failing = false;
    const again = await world.clock.until(
      world.manager.push(CALLERS.editor, CAMPAIGN, [mutation('p0', 't0'), mutation('p1', 't1')]),
    );
    expect(again).toMatchObject([{ receipt: { version: 2 } }, { receipt: { version: 3 } }]);
  });

  it('M52 is split over two appends only where it weighs more than one of them may', async () => {
    const sizes: number[] = [];
    const world = engineWorld({
      aroundLog: (log) => ({
        ...log,
        append(campaignId, expected, entries) {
          sizes.push(entries.length);
          return log.append(campaignId, expected, entries);
        },
      }),
    });
    await world.create();
    const pushes = ['a', 'b', 'c'].map((name) =>
      world.manager.push(
        CALLERS.editor,
        CAMPAIGN,
        Array.from({ length: 60 }, (_, n) => mutation(`${name}${n}`, `${name}${n}`)),
      ),
    );
    await world.clock.until(Promise.all(pushes));
    expect(sizes).toEqual([120, 60]);
  });

  it('G7 M54 sent again, what had no effect is not applied behind later mutations of the same push', async () => {
    const world = engineWorld();
    await world.create();
    const { manager, clock } = world;
    const features = (action: 'add' | 'remove', name: string) => ({
      type: 'updateFeatures' as const,
      features: [name],
      action,
    });
    await world.change(features('add', 'a'));
    const mutations = [
      { mutationId: '1', command: features('add', 'a') },
      { mutationId: '2', command: { type: 'update' as const, updates: { title: null } } },
      { mutationId: '3', command: features('remove', 'a') },
    ];
    const first = await clock.until(manager.push(CALLERS.editor, CAMPAIGN, mutations));
    expect(first).toMatchObject([
      { receipt: { changed: false } },
      { ok: false },
      { receipt: { version: 3, changed: true } },
    ]);
    // The answer was lost; what comes with the retry is new.
    const again = await clock.until(
      manager.push(CALLERS.editor, CAMPAIGN, [...mutations, { mutationId: '4', command: features('add', 'b') }]),
    );
    // It stands where it had no effect: before the one behind it.
    expect(again).toMatchObject([
      { receipt: { changed: false, version: 2, durability: 'durable' } },
      { ok: false },
      { receipt: { version: 3 } },
      { receipt: { version: 4 } },
    ]);
    expect(await world.state()).toMatchObject({ features: ['b'] });

    // Also where the first try and the second are decided together, because both waited for the log.
    const twice = [
      { mutationId: '5', command: features('add', 'b') },
      { mutationId: '6', command: features('remove', 'b') },
    ];
    await clock.until(
      Promise.all([
        manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('x'), {}),
        manager.push(CALLERS.editor, CAMPAIGN, twice),
        manager.push(CALLERS.editor, CAMPAIGN, twice),
      ]),
    );
    expect(await world.state()).toMatchObject({ features: [] });
  });

  it('M53 is refused as a whole without the right, and for load', async () => {
    const world = engineWorld({ maxBacklog: 0 });
    await world.create().catch(() => undefined);
    expect(await refusal(world.manager.push(CALLERS.viewer, CAMPAIGN, [mutation('a', 'x')]))).toMatchObject({
      reason: 'FORBIDDEN',
    });
    expect(await refusal(world.manager.push(CALLERS.editor, CAMPAIGN, [mutation('a', 'x')]))).toMatchObject({
      reason: 'OVERLOADED',
      limit: 0,
    });
  });

  it('G7 M55 made on a forked timeline, it is refused as a whole and retryable, because what was lost has to be sent first', async () => {
    const store = createMemoryStore();
    const clock = simulatedClock();
    const before = engineWorld({
      clock,
      memory: { store },
      aroundArchive: (archive) => ({ ...archive, commit: () => new Promise(() => undefined) }),
    });
    const created = await before.create();
    const lost = await before.title('lost', { mutationId: 'lost' });
    // The process is gone, and with it what had not been committed.
    const after = engineWorld({ clock, memory: { store } });
    const push = (seen: string, ...mutations: ReturnType<typeof mutation>[]) =>
      clock.until(after.manager.push(CALLERS.editor, CAMPAIGN, mutations, seen));
    const refused = { ok: false, error: { reason: 'CONFLICT', retryable: true, path: ['seen'] } };
    expect(await push(lost.position, mutation('next', 'next'), mutation('more', 'more'))).toMatchObject([
      refused,
      refused,
    ]);
    expect(await push('unknown:1', mutation('next', 'next'))).toMatchObject([refused]);
    expect(await after.state()).toMatchObject({ title: 'Summer' });
    // Then in the order in which it was made, from a place that both lines share.
    const sent = await push(
      created.position,
      mutation('lost', 'lost'),
      mutation('next', 'next'),
      mutation('more', 'more'),
    );
    expect(sent).toMatchObject([2, 3, 4].map((version) => ({ ok: true, receipt: { version, changed: true } })));
    // What is on the line already is answered as ever.
    expect(await push(lost.position, mutation('next', 'next'))).toMatchObject([{ ok: true, receipt: { version: 3 } }]);
  });

  it('G7 M56 a retry without effect leaves a tombstone entry, so that a late copy has no effect either', async () => {
    const world = engineWorld();
    await world.create();
    const feature = (mutationId: string, action: 'add' | 'remove', isRetry?: true) => ({
      mutationId,
      command: { type: 'updateFeatures' as const, features: ['x'], action },
      ...(isRetry && { isRetry }),
    });
    const push = (...mutations: ReturnType<typeof feature>[]) =>
      world.clock.until(world.manager.push(CALLERS.editor, CAMPAIGN, mutations));
    const [first] = await push(feature('m1', 'remove', true), feature('m2', 'add'));
    expect(first).toMatchObject({ ok: true, receipt: { changed: false, version: 1 } });
    // The copy of the first, which the network held back. Each is answered as it was the first time.
    expect(await push(feature('m1', 'remove'), feature('m2', 'add', true))).toMatchObject([
      { ok: true, receipt: { changed: false } },
      { ok: true, receipt: { changed: true } },
    ]);
    expect(await world.state()).toMatchObject({ features: ['x'] });
    // Without the word of the client there is no entry.
    await push(feature('m3', 'add'));
    expect((await world.clock.until(world.manager.get(CALLERS.admin, CAMPAIGN))).version).toBe(3);
  });

  it('G7 M57 a retry that is refused leaves a tombstone entry too, so that a late copy is refused as well, also beyond the window', async () => {
    const world = engineWorld({
      idleTtl: 400,
      aroundArchive: (archive) => ({
        ...archive,
        load: (campaignId, recent) => archive.load(campaignId, Math.min(recent, 1)),
      }),
    });
    const { position } = await world.create();
    const late = (isRetry?: true) => ({
      mutationId: 'late',
      base: position,
      command: setTitle('late'),
      expectedVersion: 3,
      ...(isRetry && { isRetry }),
    });
    const push = (...mutations: Mutation[]) =>
      world.clock.until(world.manager.push(CALLERS.editor, CAMPAIGN, mutations));
    // Without the word of the client there is no entry, and a copy passes when it fits.
    expect(await push({ ...late(), mutationId: 'other' })).toMatchObject([
      { ok: false, error: { reason: 'CONFLICT' } },
    ]);
    expect(await push(late(true))).toMatchObject([
      { ok: false, mutationId: 'late', error: { reason: 'CONFLICT', retryable: false } },
    ]);
    expect((await world.clock.until(world.manager.get(CALLERS.admin, CAMPAIGN))).version).toBe(2);
    // Asked for once more, it is refused, and leaves no second one; nor does what is refused for want of the right.
    expect(await push(late(true))).toMatchObject([
      { ok: false, error: { reason: 'CONFLICT', path: ['expectedVersion'] } },
    ]);
    await world.title('three');
    // Now it would fit: the copy that the network held back.
    const refused = [
      { ok: false, mutationId: 'late', error: { reason: 'CONFLICT', path: ['mutationId'], retryable: false } },
    ];
    expect(await push(late())).toMatchObject(refused);
    expect(await push(late(true))).toMatchObject(refused);
    expect(await world.state()).toMatchObject({ title: 'three' });
    const { items } = await world.clock.until(world.manager.history(CALLERS.editor, CAMPAIGN, { limit: 10 }));
    expect(items.map(({ version, change, mutationId }) => ({ version, change, mutationId }))).toMatchObject([
      { version: 3, change: { title: 'three' } },
      { version: 2, change: {}, mutationId: 'refused late' },
      { version: 1 },
    ]);
    // Where memory has forgotten it, the archive knows.
    await world.clock.advance(1_000);
    expect(world.manager.stats().campaigns).toBe(0);
    expect(await push(late())).toMatchObject(refused);
  });
});
