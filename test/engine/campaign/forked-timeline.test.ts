import { describe, expect, it } from 'vitest';
import { createMemoryArchive, createMemoryStore } from '../../../server/archive/memory-archive.ts';
import type { Archive } from '../../../server/engine/ports.ts';
import {
  asReceipt,
  CALLERS,
  CAMPAIGN,
  engineWorld,
  refusal,
  setTitle,
  type EngineWorld,
} from '../../support/engine-world.ts';
import { gate, type Gate } from '../../support/gate.ts';
import { watch } from '../../support/watching.ts';

/** A world with three versions, of which the first two can be made durable, and whose timeline is then forked. */
async function worldAtRisk(
  around: (archive: Archive) => Archive = (archive) => archive,
): Promise<EngineWorld & { commits: Gate; breakLine: () => Promise<void> }> {
  const store = createMemoryStore();
  const commits = gate();
  const world = engineWorld({
    memory: { store },
    aroundArchive: (archive) => ({
      ...around(archive),
      async commit(parts) {
        await commits.pass();
        return archive.commit(parts);
      },
    }),
  });
  await world.create();
  commits.shut();
  /**
   * As another instance ends an epoch: what it saved first is version 2, and version 3 is not on the current timeline.
   */
  const breakLine = async (): Promise<void> => {
    const other = createMemoryArchive({ store, soleUser: false });
    const archived = await other.load(CAMPAIGN, 0);
    const [second] = await world.log.read(CAMPAIGN, 1, 1);
    if (!archived || !second) throw new Error('there are three versions');
    const { epoch } = archived.head;
    await other.commit([
      {
        campaignId: CAMPAIGN,
        expected: { epoch, version: 1 },
        entries: [second],
        state: { ...archived.state, title: 'two' },
        archivedAt: undefined,
      },
    ]);
    await other.enterLog(CAMPAIGN, { epoch, version: 2, generation: 1 }, 'next');
    await world.log.seed(CAMPAIGN, 2, { epoch: 'next', version: 2, tail: second.tail });
    await world.clock.advance(1_000);
  };
  return { ...world, commits, breakLine };
}

describe('a timeline that is forked', () => {
  it('M190 callers that wait for durability are told whether their mutation survived', async () => {
    const { manager, clock, breakLine, title } = await worldAtRisk();
    const two = manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('two'), { durability: 'durable' });
    const three = manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('three'), { durability: 'durable' });
    await clock.settle();
    const lost = refusal(three);
    const { epoch } = await manager.get(CALLERS.viewer, CAMPAIGN);
    const asked = refusal(manager.whenDurable(CALLERS.viewer, CAMPAIGN, `${epoch}:3`));
    await breakLine();
    expect(await clock.until(two, 1_000)).toMatchObject({ version: 2, durability: 'durable' });
    expect(await clock.until(asked, 1_000)).toMatchObject({ reason: 'NOT_FOUND' });
    expect(await clock.until(lost, 1_000)).toMatchObject({ reason: 'UNAVAILABLE', mutationId: expect.any(String) });
    expect(await title('again')).toMatchObject({ epoch: 'next', version: 3 });
  });

  it('G1 M191 subscribers get a reset snapshot with the lost ids, or continue where all that they saw survived', async () => {
    const { manager, clock, breakLine, commits, title } = await worldAtRisk();
    const watching = watch(manager, { receipts: true });
    await clock.settle();
    asReceipt(await clock.until(manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('two'), {})));
    const behind = watch(manager);
    await clock.settle();
    behind.reader.hold(300 * 1024);
    await clock.until(manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('three'), { mutationId: 'gone' }));
    await breakLine();
    behind.reader.hold(0);
    await clock.advance(100);
    expect(watching.events.map(({ event }) => event)).toContainEqual(
      expect.objectContaining({ type: 'snapshot', reason: 'reset', position: 'next:2', lost: ['gone'] }),
    );
    expect(behind.mirror).toMatchObject({ epoch: 'next', version: 2, snapshots: ['start'] });
    commits.open();
    await title('on');
    await clock.advance(20_000);
    for (const { mirror, end } of [watching, behind]) {
      expect(end).toBeUndefined();
      expect(mirror).toMatchObject({ epoch: 'next', version: 3, content: { state: { title: 'on' } } });
    }
    expect(manager.stats().archive).toMatchObject({ failing: false, backlogEntries: 0 });
  });

  it('G3 M192 a lost mutation is applied when it is retried, one that survived is not', async () => {
    const { manager, clock, breakLine, title, state } = await worldAtRisk();
    for (const name of ['two', 'three'])
      await clock.until(manager.mutate(CALLERS.editor, CAMPAIGN, setTitle(name), { mutationId: name }));
    await breakLine();
    expect(await title('two', { mutationId: 'two' })).toMatchObject({ version: 2 });
    expect(await title('three', { mutationId: 'three' })).toMatchObject({ epoch: 'next', version: 3, changed: true });
    expect(await state()).toMatchObject({ title: 'three' });
  });

  it('M193 history names its timeline; a position on it is valid across the fork, one that was lost is NOT_FOUND', async () => {
    const { manager, clock, breakLine, title } = await worldAtRisk();
    for (const name of ['two', 'three'])
      await clock.until(manager.mutate(CALLERS.editor, CAMPAIGN, setTitle(name), {}));
    const { epoch } = await manager.get(CALLERS.viewer, CAMPAIGN);
    const [kept, lost] = [`${epoch}:2`, `${epoch}:3`];
    expect(await clock.until(manager.at(CALLERS.viewer, CAMPAIGN, lost))).toMatchObject({
      epoch,
      version: 3,
      state: { title: 'three' },
    });
    await breakLine();
    expect(await title('another three')).toMatchObject({ position: 'next:3' });
    const at = (version: string | number) => clock.until(manager.at(CALLERS.viewer, CAMPAIGN, version));
    expect(await at(3)).toMatchObject({ epoch: 'next', version: 3, state: { title: 'another three' } });
    expect(await at(kept)).toMatchObject({ epoch: 'next', version: 2, state: { title: 'two' } });
    expect(await refusal(at(lost))).toMatchObject({ reason: 'NOT_FOUND', path: ['version'] });
    const diff = (from: string | number, to: string | number) =>
      clock.until(manager.diff(CALLERS.viewer, CAMPAIGN, from, to));
    expect(await diff(kept, 'next:3')).toEqual({
      campaignId: CAMPAIGN,
      epoch: 'next',
      from: 2,
      to: 3,
      change: { title: 'another three' },
    });
    expect(await refusal(diff(lost, 3))).toMatchObject({ reason: 'NOT_FOUND', path: ['from'] });
    expect(await refusal(diff(1, lost))).toMatchObject({ reason: 'NOT_FOUND', path: ['to'] });
    expect(await clock.until(manager.history(CALLERS.viewer, CAMPAIGN, { limit: 1 }))).toMatchObject({
      epoch: 'next',
      items: [{ version: 3 }],
    });
    const back = (toVersion: string) =>
      clock.until(manager.mutate(CALLERS.editor, CAMPAIGN, { type: 'rollback', toVersion }, {}));
    expect(await refusal(back(lost))).toMatchObject({ reason: 'NOT_FOUND', path: ['toVersion'] });
    expect(await back(kept)).toMatchObject({ position: 'next:4', changed: true });
    expect(await at(4)).toMatchObject({ state: { title: 'two' } });
  });

  it('M194 history that is read during a fork is read again, from the current timeline', async () => {
    const reads = gate();
    const world = await worldAtRisk((archive) => ({
      ...archive,
      async stateAt(...asked) {
        await reads.pass();
        return archive.stateAt(...asked);
      },
    }));
    const { manager, clock, breakLine, title } = world;
    for (const name of ['two', 'three', 'four'])
      await clock.until(manager.mutate(CALLERS.editor, CAMPAIGN, setTitle(name), {}));
    reads.shut();
    const refused = Promise.all([
      refusal(manager.at(CALLERS.viewer, CAMPAIGN, 3)),
      refusal(manager.mutate(CALLERS.editor, CAMPAIGN, { type: 'rollback', toVersion: 3 }, {})),
    ]);
    await clock.settle();
    await breakLine();
    reads.open();
    // The new timeline has no version 3 yet, and nothing of the old one is returned.
    expect(await clock.until(refused)).toMatchObject([{ reason: 'NOT_FOUND' }, { reason: 'NOT_FOUND' }]);
    expect(await title('on')).toMatchObject({ position: 'next:3' });
  });
});
