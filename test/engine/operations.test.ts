import { describe, expect, it } from 'vitest';
import type { EngineObserver } from '../../server/engine/observer.ts';
import type { TraceEvent } from '../../server/engine/service.ts';
import { CALLERS, CAMPAIGN, engineWorld, refusal, setTitle } from '../support/engine-world.ts';
import { testReader, watch, type TestReader } from '../support/watching.ts';

describe('operations', () => {
  it('M180 the trace shows entries and rejections with who, what and why, to admins, while they listen', async () => {
    const world = engineWorld();
    await world.create();
    const controller = new AbortController();
    const seen: TraceEvent[] = [];
    const trace = world.manager.trace({ ...CALLERS.admin, signal: controller.signal }, testReader(CALLERS.admin.identity));
    const reading = (async () => {
      for await (const event of trace) seen.push(event);
    })();
    const { manager, clock } = world;
    await clock.until(manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('one'), { mutationId: 'm' }));
    await clock.until(manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('one'), {}));
    await refusal(clock.until(manager.mutate(CALLERS.editor, CAMPAIGN, { type: 'update', updates: { title: null } }, {})));
    await refusal(clock.until(manager.mutate(CALLERS.editor, CAMPAIGN, { type: 'rollback', toVersion: 9 }, {})));
    await clock.settle();
    expect(seen).toMatchObject([
      { outcome: 'accepted', mutationId: 'm', correlationId: 'c-editor', actor: 'ed', campaignId: CAMPAIGN, command: setTitle('one'), entry: { version: 2 } },
      { outcome: 'unchanged' },
      { outcome: 'rejected', refusal: { reason: 'INVALID' } },
      { outcome: 'rejected', command: { type: 'rollback' }, refusal: { reason: 'NOT_FOUND' } },
    ]);
    controller.abort();
    await clock.until(reading);
    await world.title('two');
    expect(seen).toHaveLength(4);
  });

  it('G10 M181 a trace that is not read keeps the newest events only', async () => {
    const world = engineWorld();
    await world.create();
    const trace = world.manager.trace(CALLERS.admin, testReader(CALLERS.admin.identity));
    for (let n = 0; n < 15; n += 1) {
      const mutations = Array.from({ length: 100 }, (_, i) => ({ mutationId: `m${n * 100 + i}`, command: setTitle(`t${n * 100 + i}`) }));
      await world.clock.until(world.manager.push(CALLERS.editor, CAMPAIGN, mutations));
    }
    const first = await world.clock.until(trace.next());
    expect(first).toMatchObject({ value: { mutationId: 'm500' } });
    expect(await trace.return?.()).toEqual({ done: true, value: undefined });
    expect(await world.clock.until(trace.next())).toEqual({ done: true, value: undefined });
  });

  it('M184 a trace ends in time with its token, and with the right to it, though nothing happens (trap 17)', async () => {
    const { manager, clock, create } = engineWorld();
    await create();
    const timers = clock.timers;
    const listen = (reader: TestReader) => refusal(manager.trace(CALLERS.admin, reader).next());
    const expiring = testReader({ ...CALLERS.admin.identity, expiresAt: clock.now() + 1_000 });
    const demoted = testReader(CALLERS.admin.identity);
    const ends = [listen(expiring), listen(demoted)];
    await clock.advance(500);
    expect([expiring, demoted].map(({ listeners }) => listeners)).toEqual([1, 1]);
    demoted.become(CALLERS.editor.identity);
    await clock.advance(500);
    expect(await Promise.all(ends)).toMatchObject([{ reason: 'UNAUTHORIZED' }, { reason: 'FORBIDDEN' }]);
    expect([expiring, demoted].map(({ listeners }) => listeners)).toEqual([0, 0]);
    expect(clock.timers).toBe(timers);
    const renewed = testReader({ ...CALLERS.admin.identity, expiresAt: clock.now() + 1_000 });
    const going = manager.trace(CALLERS.admin, renewed).next();
    renewed.become({ ...CALLERS.admin.identity, expiresAt: clock.now() + 60_000 });
    await clock.advance(2_000);
    await clock.until(manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('one'), { mutationId: 'm' }));
    expect(await going).toMatchObject({ value: { mutationId: 'm' } });
  });

  it('M182 the stats count what there is', async () => {
    const world = engineWorld();
    const { manager, clock } = world;
    await world.create();
    await world.create('other');
    const [first] = [watch(manager), watch(manager)];
    await clock.settle();
    await world.title('one');
    await refusal(world.title('x', { expectedVersion: 9 }));
    await clock.advance(2_000);
    expect(manager.stats()).toEqual({
      campaigns: 2,
      subscribers: 2,
      // Two creations, one change, one rejection.
      mutations: 4,
      // Two snapshots and twice the entry.
      deliveries: 4,
      archive: { backlogEntries: 0, lagSeconds: 0, failing: false },
      log: { failing: false },
      uptimeSeconds: 2,
    });
    first.abort();
    await clock.settle();
    expect(manager.stats().subscribers).toBe(1);
  });

  it('M183 the observer hears of every outcome, once', async () => {
    const said: string[] = [];
    const observer: EngineObserver = {
      mutation: ({ type, outcome }) => said.push(`${type} ${outcome}`),
      joined: (outcome) => said.push(`joined ${outcome}`),
      committed: ({ campaigns, entries }) => said.push(`committed ${campaigns}/${entries}`),
      loaded: (campaignId) => said.push(`loaded ${campaignId}`),
      evicted: (campaignId) => said.push(`evicted ${campaignId}`),
      applied: ({ version, subscribers }) => said.push(`applied ${version} to ${subscribers}`),
    };
    const world = engineWorld({ observer, idleTtl: 400 });
    await world.create();
    const watching = watch(world.manager);
    await world.clock.settle();
    await world.title('one', { mutationId: 'm' });
    await world.title('one', { mutationId: 'm' });
    await world.title('one');
    await refusal(world.title('x', { expectedVersion: 9 }));
    watching.abort();
    await world.clock.advance(2_000);
    expect(said.sort()).toEqual(
      [
        'loaded summer',
        'create accepted',
        'joined start',
        'applied 2 to 1',
        'update accepted',
        'update duplicate',
        'update unchanged',
        'update rejected',
        'committed 1/1',
        'evicted summer',
      ].sort(),
    );
  });
});
