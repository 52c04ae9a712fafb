import { describe, expect, it } from 'vitest';
import { createMemoryStore } from '../../../server/archive/memory-archive.ts';
import {
  asReceipt,
  CALLERS,
  CAMPAIGN,
  engineWorld,
  refusal,
  setTitle,
  type EngineWorld,
  type EngineWorldOptions,
} from '../../support/engine-world.ts';
import { gate, type Gate } from '../../support/gate.ts';
import { simulatedClock } from '../../support/simulated-clock.ts';
import { watch } from '../../support/watching.ts';

/** A world in which the test decides when the archive commits. */
function worldWithSlowCommits(options: EngineWorldOptions = {}): EngineWorld & { commits: Gate } {
  const commits = gate();
  const world = engineWorld({
    ...options,
    aroundArchive: (archive) => ({
      ...archive,
      async commit(parts) {
        await commits.pass();
        return archive.commit(parts);
      },
    }),
  });
  return Object.assign(world, { commits });
}

describe('durability', () => {
  it('M80 an accepted receipt comes before the commit, a durable one after it', async () => {
    const { manager, clock, create, commits, archive } = worldWithSlowCommits();
    await create();
    commits.shut();
    let durable = false;
    const waiting = manager
      .mutate(CALLERS.editor, CAMPAIGN, setTitle('one'), { durability: 'durable' })
      .then((receipt) => {
        durable = true;
        return receipt;
      });
    const accepted = await clock.until(manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('two'), {}));
    expect(accepted).toMatchObject({ version: 3, durability: 'accepted' });
    await clock.advance(5_000);
    expect(durable).toBe(false);
    commits.open();
    expect(await clock.until(waiting)).toMatchObject({ version: 2, durability: 'durable' });
    expect((await archive.heads([CAMPAIGN]))[0]?.head.version).toBeGreaterThanOrEqual(2);
  });

  it('M81 a no-op that wants to be durable waits for the state that it rests on', async () => {
    const { manager, clock, create, commits } = worldWithSlowCommits();
    await create();
    commits.shut();
    await clock.until(manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('one'), {}));
    const same = manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('one'), { durability: 'durable' });
    await clock.advance(1_000);
    commits.open();
    expect(await clock.until(same)).toMatchObject({ changed: false, version: 2, durability: 'durable' });
  });

  it('M82 CAMPAIGN_DURABILITY is the default, and a mutation may say otherwise', async () => {
    const { manager, clock, create, commits } = worldWithSlowCommits({ durability: 'durable' });
    await create();
    commits.shut();
    const byDefault = manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('one'), {});
    expect(
      await clock.until(manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('two'), { durability: 'accepted' })),
    ).toMatchObject({ durability: 'accepted' });
    commits.open();
    expect(await clock.until(byDefault)).toMatchObject({ durability: 'durable' });
  });

  it('M83 waiting too long ends with UNAVAILABLE under the mutation id; what was accepted stays', async () => {
    const { manager, clock, create, commits, state } = worldWithSlowCommits({ durableTimeoutMs: 3_000 });
    await create();
    commits.shut();
    const began = clock.now();
    const late = refusal(
      manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('one'), { durability: 'durable', mutationId: 'm' }),
    );
    expect(await clock.until(late)).toMatchObject({ reason: 'UNAVAILABLE', mutationId: 'm' });
    expect(clock.now() - began).toBe(3_000);
    expect(await state()).toMatchObject({ title: 'one' });
    commits.open();
    const again = manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('one'), { durability: 'durable', mutationId: 'm' });
    expect(await clock.until(again)).toMatchObject({ version: 2, changed: true, durability: 'durable' });
  });

  it('M84 a caller that disconnects while waiting leaves nothing behind', async () => {
    const { manager, clock, create, commits } = worldWithSlowCommits();
    await create();
    commits.shut();
    await clock.advance(100);
    const timers = clock.timers;
    const controller = new AbortController();
    const caller = { ...CALLERS.editor, signal: controller.signal };
    const mutation = refusal(manager.mutate(caller, CAMPAIGN, setTitle('one'), { durability: 'durable' }));
    await clock.advance(100);
    const { epoch } = await manager.get(CALLERS.viewer, CAMPAIGN);
    const asking = refusal(manager.whenDurable(caller, CAMPAIGN, `${epoch}:2`));
    await clock.settle();
    expect(clock.timers).toBe(timers + 2);
    controller.abort();
    expect(await clock.until(mutation)).toMatchObject({ reason: 'UNAVAILABLE' });
    expect(await clock.until(asking)).toMatchObject({ reason: 'UNAVAILABLE' });
    expect(clock.timers).toBe(timers);
    expect(await refusal(manager.whenDurable(caller, CAMPAIGN, `${epoch}:2`))).toMatchObject({ reason: 'UNAVAILABLE' });
    expect(clock.timers).toBe(timers);
  });

  it('M85 whenDurable resolves with the commit, at once where it is committed, and does not wait for a version that does not exist yet', async () => {
    const { manager, clock, create, commits } = worldWithSlowCommits();
    const { position, epoch } = await create();
    expect(await manager.whenDurable(CALLERS.viewer, CAMPAIGN, position)).toEqual({ campaignId: CAMPAIGN, position });
    commits.shut();
    const next = asReceipt(await clock.until(manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('one'), {})));
    let durable = false;
    const waiting = manager.whenDurable(CALLERS.viewer, CAMPAIGN, next.position).then(() => {
      durable = true;
    });
    await clock.advance(1_000);
    expect(durable).toBe(false);
    commits.open();
    await clock.until(waiting);
    for (const unknown of [`${epoch}:99`, 'other:1']) {
      expect(await refusal(manager.whenDurable(CALLERS.viewer, CAMPAIGN, unknown))).toMatchObject({
        reason: 'NOT_FOUND',
        path: ['position'],
      });
    }
    expect(await refusal(manager.whenDurable(CALLERS.viewer, CAMPAIGN, 'nonsense'))).toMatchObject({
      reason: 'INVALID',
      path: ['position'],
    });
  });

  it('M86 whenDurable of a position off the current timeline is NOT_FOUND; on it an older epoch still counts', async () => {
    const store = createMemoryStore();
    const clock = simulatedClock();
    const before = worldWithSlowCommits({ clock, memory: { store } });
    await before.create();
    const kept = await before.title('kept', { durability: 'durable' });
    before.commits.shut();
    const lost = await before.title('lost');
    // A crash, and another server on the same store.
    const after = engineWorld({ clock, memory: { store } });
    await after.title('after', { durability: 'durable' });
    expect(await refusal(after.manager.whenDurable(CALLERS.viewer, CAMPAIGN, lost.position))).toMatchObject({
      reason: 'NOT_FOUND',
      path: ['position'],
    });
    expect(await after.manager.whenDurable(CALLERS.viewer, CAMPAIGN, kept.position)).toMatchObject({
      position: kept.position,
    });
  });

  it('G4 M87 what was answered durable survives a crash', async () => {
    const store = createMemoryStore();
    const clock = simulatedClock();
    const before = engineWorld({ clock, memory: { store } });
    await before.create();
    await before.title('kept', { durability: 'durable' });
    const after = engineWorld({ clock, memory: { store } });
    expect(await after.state()).toMatchObject({ title: 'kept' });
  });
});

describe('without persistence', () => {
  it('M88 receipts say none, and asking for durable is UNAVAILABLE, not retryable', async () => {
    const world = engineWorld({ persistent: false, durability: 'durable' });
    expect(await world.create()).toMatchObject({ durability: 'none' });
    expect(await world.title('one')).toMatchObject({ version: 2, durability: 'none' });
    expect(await world.change({ type: 'archive' })).toMatchObject({ durability: 'none' });
    const { manager } = world;
    const final = { reason: 'UNAVAILABLE', retryable: false, path: ['durability'] };
    expect(
      await refusal(manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('x'), { durability: 'durable' })),
    ).toMatchObject(final);
    expect(
      await refusal(manager.create(CALLERS.admin, 'b', { slug: 'b', title: 'b' }, { durability: 'durable' })),
    ).toMatchObject(final);
    const { epoch, durableVersion } = await manager.get(CALLERS.viewer, CAMPAIGN);
    expect(durableVersion).toBe(0);
    const watching = watch(manager, { receipts: true });
    await world.clock.advance(1_000);
    expect(watching.events).toMatchObject([{ event: { type: 'snapshot', durableVersion: 0 } }]);
    expect(await refusal(manager.whenDurable(CALLERS.viewer, CAMPAIGN, `${epoch}:1`))).toMatchObject(final);
  });

  it('M89 nothing is evicted, because only memory holds it, and CAMPAIGN_MAX_LOADED caps what is created', async () => {
    const world = engineWorld({ persistent: false, idleTtl: 400, maxLoaded: 2 });
    await world.create('one');
    await world.create('two');
    await world.clock.advance(60_000);
    expect(world.manager.stats().campaigns).toBe(2);
    expect(await refusal(world.create('three'))).toMatchObject({ reason: 'OVERLOADED', limit: 2 });
  });
});
