import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { KeyedArchive } from '../../server/archive/keyed-archive.ts';
import { createMemoryArchive } from '../../server/archive/index.ts';
import { compactHistories } from '../../server/audit/compaction.ts';
import { signCompacted, signHeads, signReplaced } from '../../server/audit/statements.ts';
import type { CompactionStore } from '../../server/core/compaction-store.ts';
import { createMemoryLog } from '../../server/log/memory-log.ts';
import { restoreSnapshot } from '../../server/snapshot/restoring/restore-snapshot.ts';
import { campaignHistory, part, type CampaignHistory } from '../archive/campaign-history.ts';
import { query } from '../archive/namespace.ts';
import { inPieces, itemsOf, snapshotOf } from '../snapshot/support/snapshots.ts';
import { compact, grow, ID } from './support/compacted-history.ts';
import { findingsOf, openPostgres, signingOn } from './support/signed-archive.ts';

const LONG = { timeout: 240_000 };

/** Everything that is promised of a history, whatever was compacted of it. */
async function checkPromises(store: KeyedArchive, history: CampaignHistory): Promise<number> {
  const [stored] = await store.readHistories(undefined, 1, [ID]);
  const base = stored?.base?.version ?? 0;
  const head = history.entries.length;
  for (const version of [1, base - 1, base, base + 1, Math.floor((base + head) / 2), head - 1, head]) {
    if (version < 1 || version > head) continue;
    const expected = version >= base ? part(history.contents, version).state : undefined;
    expect(await store.stateAt(ID, version)).toEqual(expected);
  }
  const kept = history.entries.slice(base);
  expect((await store.readEntries({ campaignId: ID, version: base }, ID, 1e9)).length).toBe(
    Math.min(1_000, kept.length),
  );
  expect((await store.history(ID, undefined, 10_000)).length).toBe(kept.length);
  for (const version of [2, base, base + 1, head]) {
    if (version < 1) continue;
    const { mutationId } = part(history.entries, version - 1).record;
    const first = history.entries.findIndex(({ record }) => record.mutationId === mutationId) + 1;
    const { entry, knownFrom } = await store.findMutation(ID, mutationId);
    const keptAt = history.entries.findIndex(({ record }, at) => at >= base && record.mutationId === mutationId) + 1;
    // Found, or so old that nobody may take its absence for an answer.
    if (keptAt > 0) expect(entry?.record.version).toBe(keptAt);
    else expect(knownFrom).toBeGreaterThan(first);
  }
  expect(await findingsOf(store)).toEqual([]);

  const file = await snapshotOf(store);
  expect((await itemsOf(file)).filter(({ kind }) => kind === 'entry')).toHaveLength(kept.length);
  const other = createMemoryArchive();
  const target = { store: other, log: createMemoryLog(), clock: { now: Date.now, token: () => 'restored' } };
  const onAdopted = async (
    head2: Parameters<typeof signReplaced>[1] & { base?: Parameters<typeof signCompacted>[2] | undefined },
  ) => {
    await signReplaced(signingOn(other), { campaignId: ID, version: head2.version, tail: head2.tail });
    if (head2.base) await signCompacted(signingOn(other), ID, head2.base);
  };
  await restoreSnapshot(inPieces(file), {}, { ...target, onAdopted });
  const [restored] = await other.readHistories(undefined, 1, [ID]);
  expect(restored?.base?.version ?? 0).toBe(base);
  expect(await other.stateAt(ID, head)).toEqual(part(history.contents, head).state);
  expect(await other.stateAt(ID, Math.max(1, base))).toEqual(part(history.contents, Math.max(1, base)).state);
  expect(await findingsOf(other)).toEqual([]);
  return base;
}

async function play(
  store: KeyedArchive,
  steps: readonly { grow: number; size: number; keep: number }[],
): Promise<number> {
  const history = campaignHistory(ID);
  await history.createIn(store);
  let base = 0;
  for (const step of steps) {
    await grow(store, history, step.grow, step.size);
    await signHeads(signingOn(store), 1, 0);
    await compact(store, step.keep);
    const next = await checkPromises(store, history);
    expect(next).toBeGreaterThanOrEqual(base);
    expect(next).toBeLessThan(history.entries.length);
    base = next;
  }
  return base;
}

const steps = fc.array(
  fc.record({
    grow: fc.integer({ min: 1, max: 230 }),
    size: fc.integer({ min: 1, max: 130 }),
    keep: fc.integer({ min: 1, max: 250 }),
  }),
  { minLength: 1, maxLength: 4 },
);

test(
  'V30 compaction at any point over any history keeps what is promised: states, ids, the chain, snapshots and restores',
  LONG,
  async () => {
    let compacted = 0;
    await fc.assert(
      fc.asyncProperty(steps, async (given) => {
        if ((await play(createMemoryArchive(), given)) > 0) compacted += 1;
      }),
      { numRuns: 25, seed: 7 },
    );
    expect(compacted).toBeGreaterThan(5);
  },
);

test('V30 the same on Postgres', LONG, async () => {
  const { archive } = await openPostgres();
  const given = [
    { grow: 150, size: 7, keep: 60 },
    { grow: 3, size: 1, keep: 1 },
    { grow: 260, size: 90, keep: 20 },
  ];
  expect(await play(archive, given)).toBeGreaterThan(300);
});

test(
  'V31 what a history begins with is anchored: another state, tail, time or person, and one that nobody has signed, are named',
  LONG,
  async () => {
    const { archive, namespace } = await openPostgres();
    const history = campaignHistory(ID);
    await history.createIn(archive);
    await grow(archive, history, 125, 10);
    await compact(archive, 20);
    expect(await findingsOf(archive)).toEqual([]);
    const bases = `${namespace}.history_bases`;
    const checkpoints = `${namespace}.checkpoints`;
    const changes: readonly (readonly [string, string])[] = [
      [`update ${bases} set tail = 'x'`, `update ${bases} set tail = $1`],
      [`update ${bases} set archived_at = coalesce(archived_at, 0) + 1`, ''],
      [`update ${bases} set updated_at = updated_at + 1`, `update ${bases} set updated_at = updated_at - 1`],
      [`update ${bases} set updated_by = 'eve'`, ''],
      [`update ${checkpoints} set state = '{"title":"forged"}' where version = (select version from ${bases})`, ''],
      [`delete from ${checkpoints} where version = (select version from ${bases})`, ''],
      [`delete from ${bases}`, ''],
      [`update ${bases} set version = version - 1`, ''],
      [`delete from ${namespace}.entries where version = (select version + 1 from ${bases})`, ''],
    ];
    const saved = {
      bases: await query(`select * from ${bases}`),
      checkpoints: await query(`select campaign_id, version, state::text as state from ${checkpoints}`),
      entries: await query(
        `select version, bytes::text as bytes, tail, epoch, type, at, mutation_id from ${namespace}.entries`,
      ),
    };
    const undo = async (): Promise<void> => {
      const [base] = saved.bases;
      if (!base) throw new Error('unreachable');
      await query(`delete from ${bases}`);
      await query(`insert into ${bases} select * from json_populate_record(null::${bases}, $1)`, [
        JSON.stringify(base),
      ]);
      await query(`delete from ${checkpoints}`);
      for (const { campaign_id: id, version, state } of saved.checkpoints)
        await query(`insert into ${checkpoints} values ($1, $2, $3::json)`, [id, version, state]);
      for (const entry of saved.entries)
        await query(
          `insert into ${namespace}.entries (campaign_id, version, epoch, type, at, mutation_id, bytes, tail)
         values ($1, $2, $3, $4, $5, $6, $7::json, $8) on conflict do nothing`,
          [
            ID,
            entry['version'],
            entry['epoch'],
            entry['type'],
            entry['at'],
            entry['mutation_id'],
            entry['bytes'],
            entry['tail'],
          ],
        );
    };
    for (const [change] of changes) {
      await query(change);
      expect(await findingsOf(archive), change).toMatchObject([{ campaignId: ID }]);
      await undo();
      expect(await findingsOf(archive), change).toEqual([]);
    }
    await grow(archive, history, 150, 10);
    await compact(archive, 20, false);
    expect(await findingsOf(archive)).toMatchObject([
      { problem: expect.stringContaining('no statement has signed that') },
    ]);
  },
);

test(
  'V32 compaction that is cut off anywhere is whole, and goes on with the next round; two instances do it once',
  LONG,
  async () => {
    const { archive, namespace } = await openPostgres();
    const history = campaignHistory(ID);
    await history.createIn(archive);
    await grow(archive, history, 1_250, 50);
    await signHeads(signingOn(archive), 1, 0);
    const options = (store: CompactionStore, instance: string) => ({
      store,
      instance,
      keep: { versions: 20 },
      now: Date.now,
      onFailed: () => undefined,
      sign: (campaignId: string, base: Parameters<typeof signCompacted>[2]) =>
        signCompacted(signingOn(archive), campaignId, base),
    });
    for (const method of [
      'claimCompaction',
      'findCompactable',
      'setBase',
      'deleteCompacted',
      'deleteCompacted',
    ] as const) {
      let calls = 0;
      const dying: CompactionStore = {
        ...archive,
        [method]: async (...args: never[]) => {
          calls += 1;
          // Its answer is never heard, or the second call is never made.
          if (calls > 1) throw new Error('killed');
          await (archive[method] as (...given: never[]) => Promise<unknown>)(...args);
          throw new Error('killed');
        },
      };
      await expect(compactHistories(options(dying, 'dying'))).rejects.toThrow('killed');
      expect(await findingsOf(archive)).toEqual([]);
      expect(await archive.stateAt(ID, 1_251)).toEqual(part(history.contents, 1_251).state);
    }
    expect(await compactHistories(options(archive, 'other'))).toBe(0);
    const gone = await compactHistories(options(archive, 'dying'));
    expect(gone).toBeGreaterThan(0);
    await checkPromises(archive, history);
    const [rows] = await query<{ count: string }>(`select count(*) from ${namespace}.entries`);
    expect(Number(rows?.count)).toBeLessThan(120);
  },
);
