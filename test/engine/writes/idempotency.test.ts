import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../../server/core/limits.ts';
import {
  asReceipt,
  CALLERS,
  CAMPAIGN,
  engineWorld,
  refusal,
  setTitle,
  type EngineWorld,
} from '../../support/engine-world.ts';

/** A world whose campaign comes back into memory with no more than its newest entry. */
function forgetfulWorld(): EngineWorld & { asked: string[] } {
  const asked: string[] = [];
  const world = engineWorld({
    idleTtl: 400,
    aroundArchive: (archive) => ({
      ...archive,
      load: (campaignId, recent) => archive.load(campaignId, Math.min(recent, 1)),
      findMutation(campaignId, mutationId) {
        asked.push(mutationId);
        return archive.findMutation(campaignId, mutationId);
      },
    }),
  });
  return Object.assign(world, { asked });
}

describe('idempotency', () => {
  it('G3 M20 the same mutation id is applied once, and answered with the first receipt', async () => {
    const world = engineWorld();
    await world.create();
    const first = await world.title('one', { mutationId: 'm' });
    await world.title('two');
    expect(await world.title('one', { mutationId: 'm' })).toEqual({ ...first, durability: 'durable' });
    expect(await world.state()).toMatchObject({ title: 'two' });
  });

  it('G3 M21 the same id twice in one group is applied once', async () => {
    const world = engineWorld();
    await world.create();
    const { manager, clock } = world;
    const calls = [1, 2, 3].map(() => manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('one'), { mutationId: 'm' }));
    const receipts = (await clock.until(Promise.all(calls))).map(asReceipt);
    expect(receipts.map(({ version }) => version)).toEqual([2, 2, 2]);
    const pushed = await clock.until(
      manager.push(CALLERS.editor, CAMPAIGN, [
        { mutationId: 'n', command: setTitle('two') },
        { mutationId: 'n', command: setTitle('two') },
      ]),
    );
    expect(pushed).toMatchObject([{ receipt: { version: 3 } }, { receipt: { version: 3 } }]);
  });

  it('M22 the same id with another command is INVALID, in the window and beyond', async () => {
    const world = forgetfulWorld();
    await world.create();
    await world.title('one', { mutationId: 'm' });
    const other = { reason: 'INVALID', path: ['mutationId'], mutationId: 'm' };
    expect(await refusal(world.title('two', { mutationId: 'm' }))).toMatchObject(other);
    await world.title('three');
    await world.clock.advance(1_000);
    expect(await refusal(world.title('two', { mutationId: 'm' }))).toMatchObject(other);
    expect(world.asked).toEqual(['m']);
  });

  it('G3 M23 the archive is asked for an id that the window has dropped', async () => {
    const world = forgetfulWorld();
    const base = (await world.create()).position;
    const first = await world.title('one', { mutationId: 'm', base });
    await world.title('two');
    await world.clock.advance(1_000);
    expect(world.manager.stats().campaigns).toBe(0);
    expect(await world.title('one', { mutationId: 'm' })).toEqual({ ...first, durability: 'durable' });
    expect(await world.title('one', { mutationId: 'm', base })).toMatchObject({ version: 2 });
    expect(await world.state()).toMatchObject({ title: 'two' });
  });

  it('G3 M235 a retry is told whether the first one changed anything, in the window and beyond', async () => {
    const world = forgetfulWorld();
    const { position: base } = await world.create();
    const { manager, clock } = world;
    const push = async (feature: string, action: 'add' | 'remove') =>
      clock.until(
        manager.push(CALLERS.editor, CAMPAIGN, [
          { mutationId: action, base, isRetry: true, command: { type: 'updateFeatures', features: [feature], action } },
        ]),
      );
    const archive = async () =>
      asReceipt(await clock.until(manager.mutate(CALLERS.admin, CAMPAIGN, { type: 'archive' }, { mutationId: 'a' })));
    const told = async () => [await push('x', 'add'), await push('y', 'remove'), await archive()].flat();
    const answers = [
      { receipt: { version: 2, changed: true } },
      { receipt: { changed: false } },
      { version: 4, changed: true },
    ];
    expect(await told()).toMatchObject(answers);
    expect(await told()).toMatchObject(answers);
    await clock.advance(1_000);
    expect(manager.stats().campaigns).toBe(0);
    expect(await told()).toMatchObject(answers);
    expect(world.asked).toContain('remove');
  });

  it('M24 the archive is not asked for intents that were made in the window, nor for ids that the server makes', async () => {
    const world = forgetfulWorld();
    await world.create();
    const { position } = await world.title('one');
    await world.clock.advance(1_000);
    await world.title('two', { mutationId: 'new', base: position });
    await world.title('three');
    expect(world.asked).toEqual([]);
    await world.title('four', { mutationId: 'no-base' });
    await world.title('five', { mutationId: 'bad-base', base: 'no position' });
    await world.title('six', { mutationId: 'unknown-line', base: 'another:7' });
    expect(world.asked).toEqual(['no-base', 'bad-base', 'unknown-line']);
  });

  it('G10 M25 the window is bounded, and only what is durable leaves it', async () => {
    const asked: string[] = [];
    let away = true;
    const world = engineWorld({
      aroundArchive: (archive) => ({
        ...archive,
        commit: (parts) => (away ? Promise.reject(new Error('away')) : archive.commit(parts)),
        ping: () => (away ? Promise.reject(new Error('away')) : archive.ping()),
        findMutation(campaignId, mutationId) {
          asked.push(mutationId);
          return archive.findMutation(campaignId, mutationId);
        },
      }),
    });
    await world.create();
    const many = async (prefix: string, count: number): Promise<void> => {
      for (let n = 0; n < count; n += LIMITS.pushMutations) {
        const mutations = Array.from({ length: LIMITS.pushMutations }, (_, i) => ({
          mutationId: `${prefix}${n + i}`,
          command: setTitle(`${prefix}${n + i}`),
        }));
        await world.clock.until(world.manager.push(CALLERS.editor, CAMPAIGN, mutations));
      }
    };
    await many('a', LIMITS.idempotencyWindow + 100);
    // Nothing is durable: everything is known.
    expect(await world.title('a0', { mutationId: 'a0' })).toMatchObject({ version: 2 });
    expect(asked).not.toContain('a0');
    away = false;
    await world.clock.advance(30_000);
    await many('b', 100);
    expect(await world.title('a0', { mutationId: 'a0' })).toMatchObject({ version: 2 });
    expect(asked.filter((id) => id === 'a0')).toEqual(['a0']);
  });

  it('M28 an id that is used again with a false base is applied again, and blocks nothing', async () => {
    const stalled: string[] = [];
    const world = engineWorld({
      idleTtl: 400,
      observer: { stalled: ({ campaignId }) => void stalled.push(campaignId) },
      aroundArchive: (archive) => ({
        ...archive,
        load: (campaignId, recent) => archive.load(campaignId, Math.min(recent, 1)),
      }),
    });
    const base = (await world.create()).position;
    await world.title('one', { mutationId: 'm', base });
    const { position } = await world.title('two');
    await world.clock.advance(1_000);
    expect(world.manager.stats().campaigns).toBe(0);
    expect(await world.title('one', { mutationId: 'm', base: position })).toMatchObject({ version: 4 });
    expect(await world.title('three', { durability: 'durable' })).toMatchObject({ version: 5, durability: 'durable' });
    expect(stalled).toEqual([]);
    expect(world.manager.stats().archive).toMatchObject({ backlogEntries: 0, failing: false });
    await world.clock.advance(1_000);
    // Who tells the truth is answered with the first.
    expect(await world.title('one', { mutationId: 'm', base })).toMatchObject({ version: 2 });
  });

  it("M26 the order of a command's members does not make it another command", async () => {
    const world = engineWorld();
    await world.create();
    const first = await world.change(
      { type: 'update', updates: { title: 'a', description: 'b' } },
      { mutationId: 'm' },
    );
    expect(
      await world.change({ updates: { description: 'b', title: 'a' }, type: 'update' }, { mutationId: 'm' }),
    ).toMatchObject({ version: first.version });
  });

  it('G3 M27 a base before the compacted history is TOO_OLD, and nothing is applied twice', async () => {
    const world = engineWorld({ memory: { keepEntries: 3 }, idleTtl: 400 });
    const base = (await world.create()).position;
    await world.title('one', { mutationId: 'm', base });
    for (let n = 2; n <= 12; n += 1) await world.title(`${n}`, { durability: 'durable' });
    await world.clock.advance(1_000);
    expect(world.manager.stats().campaigns).toBe(0);
    const late = world.manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('one'), { mutationId: 'm', base });
    expect(await refusal(world.clock.until(late))).toMatchObject({
      reason: 'TOO_OLD',
      path: ['base'],
      mutationId: 'm',
    });
    expect(await world.state()).toMatchObject({ title: '12' });
    const { position } = await world.title('now', { mutationId: 'new', base: `${base.split(':')[0]}:13` });
    expect(position.endsWith(':14')).toBe(true);
  });
});
