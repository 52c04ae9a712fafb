import { describe, expect, it } from 'vitest';
import type { EngineObserver } from '../../../server/engine/observer.ts';
import type { TraceEvent } from '../../../server/engine/service.ts';
import { CALLERS, CAMPAIGN, engineWorld, refusal, setTitle } from '../../support/engine-world.ts';
import { testReader, watch, WAYS, type TestReader } from '../../support/watching.ts';

describe('operations', () => {
  it('M180 the trace shows entries and rejections with who, what and why, to admins, while they listen', async () => {
    const world = engineWorld();
    await world.create();
    const controller = new AbortController();
    const seen: TraceEvent[] = [];
    const trace = world.manager.trace(
      { ...CALLERS.admin, signal: controller.signal },
      testReader(CALLERS.admin.identity),
    );
    const reading = (async () => {
      for await (const event of trace) seen.push(event);
    })();
    const { manager, clock } = world;
    await clock.until(manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('one'), { mutationId: 'm' }));
    await clock.until(manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('one'), {}));
    await refusal(
      clock.until(manager.mutate(CALLERS.editor, CAMPAIGN, { type: 'update', updates: { title: null } }, {})),
    );
    await refusal(clock.until(manager.mutate(CALLERS.editor, CAMPAIGN, { type: 'rollback', toVersion: 9 }, {})));
    await clock.settle();
    expect(seen).toMatchObject([
      {
        outcome: 'accepted',
        mutationId: 'm',
        correlationId: 'c-editor',
        actor: 'ed',
        campaignId: CAMPAIGN,
        command: setTitle('one'),
        entry: { version: 2 },
      },
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
      const mutations = Array.from({ length: 100 }, (_, i) => ({
        mutationId: `m${n * 100 + i}`,
        command: setTitle(`t${n * 100 + i}`),
      }));
      await world.clock.until(world.manager.push(CALLERS.editor, CAMPAIGN, mutations));
    }
    const first = await world.clock.until(trace.next());
    expect(first).toMatchObject({ value: { mutationId: 'm500' } });
    expect(await trace.return?.()).toEqual({ done: true, value: undefined });
    expect(await world.clock.until(trace.next())).toEqual({ done: true, value: undefined });
  });

  it('M184 a trace ends in time with its token, and with the right to it, though nothing happens', async () => {
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
      resumes: 0,
      snapshots: 2,
      slowReaders: 0,
      queuedWeight: 0,
      archive: { backlogEntries: 0, lagSeconds: 0, failing: false },
      log: { failing: false, isShared: false, clockOffsetSeconds: 0 },
      analytics: { waiting: 0, maxWaiting: 0 },
      uptimeSeconds: 2,
    });
    first.abort();
    await clock.settle();
    expect(manager.stats().subscribers).toBe(1);
  });

  it('M183 the observer is notified of every outcome, once', async () => {
    const said: string[] = [];
    const observer: EngineObserver = {
      mutation: ({ type, outcome }) => said.push(`${type} ${outcome}`),
      joined: (outcome) => said.push(`joined ${outcome}`),
      committed: ({ campaigns, entries }) => said.push(`committed ${campaigns}/${entries}`),
      loaded: (campaignId) => said.push(`loaded ${campaignId}`),
      evicted: (campaignId) => said.push(`evicted ${campaignId}`),
      applied({ version, subscribers }) {
        said.push(`applied ${version} to ${subscribers}`);
        return undefined;
      },
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

  it('M186 it can time the fan-out by its own clock: it is notified when an entry arrives, and when it has been offered to all', async () => {
    const said: string[] = [];
    const observer: EngineObserver = {
      applied({ version }) {
        said.push(`${version} came`);
        return () => said.push(`${version} offered`);
      },
      delivered: (entries, readers) => said.push(`${entries} to ${readers}`),
    };
    const world = engineWorld({ observer });
    await world.create();
    for (const way of WAYS) {
      const watching = watch(world.manager, {}, undefined, way);
      await world.clock.settle();
      said.length = 0;
      const { version } = await world.title(way);
      await world.clock.settle();
      expect(said).toEqual([`${version} came`, '1 to 1', `${version} offered`]);
      watching.abort();
      await world.clock.settle();
    }
  });

  it('M185 what is refused before it has a place in a queue is reported as well, to the observer and in the trace', async () => {
    const said: string[] = [];
    let away = false;
    const observer: EngineObserver = {
      mutation: ({ type, outcome, refusal: refused }) => void said.push(`${type} ${outcome} ${refused?.reason}`),
    };
    const world = engineWorld({
      observer,
      maxBacklog: 1,
      aroundArchive: (archive) => ({
        ...archive,
        create: (...asked) => (away ? Promise.reject(new Error('away')) : archive.create(...asked)),
        commit: (parts) => (away ? Promise.reject(new Error('away')) : archive.commit(parts)),
        ping: () => (away ? Promise.reject(new Error('away')) : archive.ping()),
      }),
    });
    const { manager, clock } = world;
    await world.create();
    said.length = 0;
    const traced: TraceEvent[] = [];
    void (async () => {
      for await (const event of manager.trace(CALLERS.admin, testReader(CALLERS.admin.identity))) traced.push(event);
    })();
    const document = { slug: 'other', title: 'Other' };
    const push = [1, 2].map((n) => ({ mutationId: `m${n}`, command: setTitle('x') }));
    await refusal(manager.mutate(CALLERS.viewer, CAMPAIGN, setTitle('x'), { mutationId: 'forbidden' }));
    await refusal(manager.push(CALLERS.viewer, CAMPAIGN, push));
    await refusal(manager.create(CALLERS.editor, 'other', document, {}));
    await refusal(manager.create(CALLERS.admin, 'other', { slug: 'other' }, {}));
    await refusal(clock.until(manager.mutate(CALLERS.editor, 'unknown', setTitle('x'), {})));
    away = true;
    await refusal(clock.until(manager.create(CALLERS.admin, 'other', document, {})));
    await world.title('one');
    await refusal(manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('x'), {}));
    await refusal(manager.create(CALLERS.admin, 'other', document, {}));
    await clock.until(manager.stop(0));
    await refusal(manager.push(CALLERS.editor, CAMPAIGN, push));
    await clock.settle();
    const expected = [
      'update rejected FORBIDDEN',
      'update rejected FORBIDDEN',
      'update rejected FORBIDDEN',
      'create rejected FORBIDDEN',
      'create rejected INVALID',
      'update rejected NOT_FOUND',
      'create failed UNAVAILABLE',
      'update accepted undefined',
      'update rejected OVERLOADED',
      'create rejected OVERLOADED',
      'update rejected UNAVAILABLE',
      'update rejected UNAVAILABLE',
    ];
    expect(said).toEqual(expected);
    expect(
      traced.map(({ command, outcome, refusal: refused }) => `${command.type} ${outcome} ${refused?.reason}`),
    ).toEqual(expected);
    expect(traced[0]).toMatchObject({
      mutationId: 'forbidden',
      actor: 'vera',
      correlationId: 'c-viewer',
      refusal: { mutationId: 'forbidden' },
    });
    expect(traced.slice(1, 3).map(({ mutationId }) => mutationId)).toEqual(['m1', 'm2']);
  });
});
