import { describe, expect, it } from 'vitest';
import {
  asReceipt,
  CALLERS,
  CAMPAIGN,
  engineWorld,
  FIRST_STATE,
  refusal,
  setTitle,
} from '../../support/engine-world.ts';

describe('rollback', () => {
  it('M70 leads back to the state of an earlier version, as a new version', async () => {
    const world = engineWorld();
    await world.create();
    await world.change({ type: 'update', updates: { title: 'one', description: 'more', owner_id: null } });
    await world.title('two');
    expect(await world.change({ type: 'rollback', toVersion: 1 })).toMatchObject({ version: 4, changed: true });
    expect(await world.state()).toEqual(FIRST_STATE);
    expect(await world.change({ type: 'rollback', toVersion: 2 })).toMatchObject({ version: 5 });
    const { owner_id: _gone, ...rest } = FIRST_STATE;
    expect(await world.state()).toEqual({ ...rest, title: 'one', description: 'more' });
    expect(await world.change({ type: 'rollback', toVersion: 5 })).toMatchObject({ changed: false, version: 5 });
  });

  it('M71 sent right after an update in the same turn, it can name the version that this update makes', async () => {
    const world = engineWorld();
    await world.create();
    const { manager, clock } = world;
    const calls = [
      manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('one'), {}),
      manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('two'), {}),
      manager.mutate(CALLERS.editor, CAMPAIGN, { type: 'rollback', toVersion: 2 }, {}),
      manager.mutate(CALLERS.editor, CAMPAIGN, { type: 'updateFeatures', features: ['a'], action: 'add' }, {}),
    ];
    const receipts = (await clock.until(Promise.all(calls))).map(asReceipt);
    expect(receipts.map(({ version }) => version)).toEqual([2, 3, 4, 5]);
    expect(await world.state()).toMatchObject({ title: 'one', features: ['a'] });
  });

  it('M72 to a version that is not there is NOT_FOUND, and changes nothing', async () => {
    const world = engineWorld();
    await world.create();
    for (const toVersion of [-1, 2, 99]) {
      expect(await refusal(world.change({ type: 'rollback', toVersion }))).toMatchObject({
        reason: 'NOT_FOUND',
        path: ['toVersion'],
      });
    }
    // Before the first version there was no document, which is none to go back to.
    expect(await refusal(world.change({ type: 'rollback', toVersion: 0 }))).toMatchObject({ reason: 'INVALID' });
    expect(await world.state()).toEqual(FIRST_STATE);
  });

  it('G3 M73 applied once under its mutation id', async () => {
    const world = engineWorld();
    await world.create();
    await world.title('one');
    const first = await world.change({ type: 'rollback', toVersion: 1 }, { mutationId: 'r' });
    await world.title('two');
    expect(await world.change({ type: 'rollback', toVersion: 1 }, { mutationId: 'r' })).toMatchObject({
      version: first.version,
    });
    expect(await world.state()).toMatchObject({ title: 'two' });
  });
});

describe('archive and restore', () => {
  it('M74 an archived campaign is read-only until it is restored; both are durable when they are answered', async () => {
    const world = engineWorld();
    await world.create();
    const archived = await world.change({ type: 'archive' });
    expect(archived).toMatchObject({ version: 2, changed: true, durability: 'durable' });
    const { archivedAt } = await world.manager.get(CALLERS.viewer, CAMPAIGN);
    expect(archivedAt).toBe(world.clock.now());
    expect(await refusal(world.title('x'))).toMatchObject({ reason: 'INVALID' });
    expect(await refusal(world.change({ type: 'rollback', toVersion: 1 }))).toMatchObject({ reason: 'INVALID' });
    expect(await world.change({ type: 'archive' })).toMatchObject({ changed: false, version: 2 });
    expect(await world.change({ type: 'restore' })).toMatchObject({ version: 3, durability: 'durable' });
    expect(await world.change({ type: 'restore' })).toMatchObject({ changed: false });
    expect(await world.manager.get(CALLERS.viewer, CAMPAIGN)).not.toHaveProperty('archivedAt');
    expect(await world.title('x')).toMatchObject({ version: 4 });
  });

  it('M75 stays archived over an eviction, and needs an admin', async () => {
    const world = engineWorld({ idleTtl: 400 });
    await world.create();
    expect(await refusal(world.manager.mutate(CALLERS.editor, CAMPAIGN, { type: 'archive' }, {}))).toMatchObject({
      reason: 'FORBIDDEN',
    });
    await world.change({ type: 'archive' });
    const { archivedAt } = await world.manager.get(CALLERS.viewer, CAMPAIGN);
    await world.clock.advance(2_000);
    expect(world.manager.stats().campaigns).toBe(0);
    expect(await world.clock.until(world.manager.get(CALLERS.viewer, CAMPAIGN))).toMatchObject({ archivedAt });
    expect(await refusal(world.title('x'))).toMatchObject({ reason: 'INVALID' });
  });
});

describe('dryRun', () => {
  it('M76 validates, answers with the change, and changes nothing', async () => {
    const world = engineWorld();
    const { position } = await world.create();
    const ask = (title: string | null) =>
      world.manager.mutate(
        CALLERS.editor,
        CAMPAIGN,
        { type: 'update', updates: { title } },
        { dryRun: true, durability: 'durable' },
      );
    expect(await world.clock.until(ask('x'))).toEqual({
      campaignId: CAMPAIGN,
      position,
      changed: true,
      change: { title: 'x' },
      dryRun: true,
    });
    expect(await world.clock.until(ask('Summer'))).toMatchObject({ changed: false, change: {} });
    expect(await world.clock.until(refusal(ask(null)))).toMatchObject({ reason: 'INVALID' });
    expect((await world.manager.get(CALLERS.viewer, CAMPAIGN)).version).toBe(1);
    const wouldCreate = await world.manager.create(
      CALLERS.admin,
      'other',
      { ...FIRST_STATE, slug: 'other' },
      { dryRun: true },
    );
    expect(wouldCreate).toMatchObject({ dryRun: true, changed: true });
    expect(await refusal(world.manager.get(CALLERS.viewer, 'other'))).toMatchObject({ reason: 'NOT_FOUND' });
  });

  it('M77 does not hold up the mutations behind it, nor use up its mutation id', async () => {
    const world = engineWorld();
    await world.create();
    const { manager, clock } = world;
    const [, real] = await clock.until(
      Promise.all([
        manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('x'), { dryRun: true, mutationId: 'm' }),
        manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('x'), { mutationId: 'm' }),
      ]),
    );
    expect(real).toMatchObject({ version: 2, changed: true });
  });
});
