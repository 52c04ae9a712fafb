import { expect, test } from 'vitest';
import { createMemoryArchive, createMemoryStore } from '../../server/archive/index.ts';
import { compactHistories } from '../../server/audit/compaction.ts';
import { createManager } from '../../server/engine/manager.ts';
import { createMemoryLog } from '../../server/log/memory-log.ts';
import { restoreSnapshot } from '../../server/snapshot/restoring/restore-snapshot.ts';
import { campaignHistory, part } from '../archive/campaign-history.ts';
import { incrementOf, inPieces, itemsOf, mergedOf, snapshotOf } from '../snapshot/support/snapshots.ts';
import { CALLERS, FIRST_STATE, refusal, setTitle } from '../support/engine-world.ts';
import { simulatedClock } from '../support/simulated-clock.ts';
import { testReader, watch } from '../support/watching.ts';
import { compact, grow, ID } from './support/compacted-history.ts';

const LONG = { timeout: 240_000 };

test('V34 a chain of increments goes on over a compaction, and is the snapshot of the same moment', LONG, async () => {
  const archive = createMemoryArchive();
  const history = campaignHistory(ID);
  await history.createIn(archive);
  await grow(archive, history, 140, 10);
  const chain = [await snapshotOf(archive)];
  const add = async (): Promise<void> => {
    const follows = chain.length === 1 ? 'snapshot-1' : `increment-${chain.length - 1}`;
    chain.push(await incrementOf(archive, `increment-${chain.length}`, follows, chain));
  };
  const entriesIn = async (file: Uint8Array) =>
    (await itemsOf(file)).flatMap((item) => (item.kind === 'entry' ? [item.entry.tail] : []));
  const isSame = async (): Promise<boolean> => {
    const [merged, whole] = [await entriesIn(await mergedOf(chain)), await entriesIn(await snapshotOf(archive))];
    return JSON.stringify(merged) === JSON.stringify(whole);
  };
  await grow(archive, history, 30, 10);
  await add();
  expect(await isSame()).toBe(true);
  expect(await compact(archive, 10, false)).toBe(0);
  await grow(archive, history, 5, 5);
  await add();
  expect(await isSame()).toBe(true);
  await grow(archive, history, 5, 5);
  await add();
  expect(await isSame()).toBe(true);
  expect((await itemsOf(await mergedOf(chain))).find((item) => item.kind === 'campaign')).toMatchObject({
    campaign: { base: { version: 100 } },
  });
  const target = { log: createMemoryLog(), clock: { now: Date.now, token: () => 'restored' } };
  const early = restoreSnapshot(
    inPieces(await mergedOf(chain)),
    { campaignId: ID, at: { version: 100 } },
    { ...target, store: createMemoryArchive() },
  );
  await expect(early).rejects.toMatchObject({ refusal: { reason: 'NOT_FOUND' } });
  const before = { time: part(history.entries, 99).record.at };
  const earlier = restoreSnapshot(
    inPieces(await mergedOf(chain)),
    { at: before },
    { ...target, store: createMemoryArchive() },
  );
  await expect(earlier).rejects.toMatchObject({ refusal: { reason: 'NOT_FOUND' } });
});

test(
  'V33 G3 what was made before all that is kept is TOO_OLD; rollback, the past and differences end where the history begins; old positions resume with a snapshot',
  LONG,
  async () => {
    const clock = simulatedClock();
    const store = createMemoryStore();
    const archive = createMemoryArchive({ store });
    const first = createManager({ log: createMemoryLog({ now: clock.now }), archive, clock, idleTtl: 1_000 });
    const { admin, editor } = CALLERS;
    await clock.until(first.create(admin, ID, FIRST_STATE, {}), 30_000);
    const early = watch(first, { campaignId: ID }, testReader(editor.identity));
    await clock.advance(100);
    const resumeId = early.events.at(-1)?.resumeId ?? '';
    early.abort();
    for (let version = 2; version <= 2_420; version += 1)
      await clock.until(first.mutate(editor, ID, setTitle(`v${version}`), { mutationId: `m${version}` }), 30_000);
    await clock.advance(60_000);
    expect(await compact(archive, 50)).toBe(0);
    await compactHistories({
      store: archive,
      keep: { versions: 50 },
      instance: 'one',
      now: clock.now,
      onFailed: () => undefined,
    });
    const [stored] = await archive.readHistories(undefined, 1, [ID]);
    const base = stored?.base?.version ?? 0;
    expect(base).toBeGreaterThan(2_200);
    await clock.advance(60_000);

    const { epoch } = await clock.until(first.get(editor, ID), 30_000);
    const said = async (call: Promise<unknown>) => (await refusal(clock.until(call, 30_000))).reason;
    const old = { mutationId: 'm5', base: `${epoch}:4` };
    expect(await said(first.mutate(editor, ID, setTitle('v5'), old))).toBe('TOO_OLD');
    const known = { mutationId: `m${base + 5}`, base: `${epoch}:${base + 4}` };
    expect(await clock.until(first.mutate(editor, ID, setTitle(`v${base + 5}`), known), 30_000)).toMatchObject({
      version: base + 5,
    });
    expect(await said(first.mutate(editor, ID, { type: 'rollback', toVersion: base - 1 }, {}))).toBe('NOT_FOUND');
    expect(await said(first.at(editor, ID, base - 1))).toBe('NOT_FOUND');
    expect(await said(first.diff(editor, ID, base - 1, base + 1))).toBe('NOT_FOUND');
    expect(await clock.until(first.at(editor, ID, base), 30_000)).toMatchObject({ state: { title: `v${base}` } });
    expect(await clock.until(first.diff(editor, ID, base, base + 1), 30_000)).toMatchObject({
      change: { title: `v${base + 1}` },
    });
    await clock.until(first.mutate(editor, ID, { type: 'rollback', toVersion: base }, {}), 30_000);
    expect(await clock.until(first.get(editor, ID), 30_000)).toMatchObject({ state: { title: `v${base}` } });
    let cursor: number | undefined;
    let items = 0;
    do {
      const page = await clock.until(first.history(editor, ID, { limit: 100, cursor }), 30_000);
      items += page.items.length;
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    expect(items).toBe(2_421 - base);
    const late = watch(first, { campaignId: ID, lastEventId: resumeId }, testReader(editor.identity));
    await clock.advance(100);
    expect(late.events[0]?.event).toMatchObject({ type: 'snapshot', reason: 'too-old' });
    expect(late.end).toBeUndefined();
  },
);
