import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { expect, inject, test } from 'vitest';
import type { KeyedArchive } from '../../server/archive/keyed-archive.ts';
import { createMemoryArchive, createMemoryStore, openPostgresArchive } from '../../server/archive/index.ts';
import { createAuditService } from '../../server/audit/audit-service.ts';
import { compactHistories } from '../../server/audit/compaction.ts';
import { readStatementKeys, signCompacted, signHeads, signReplaced } from '../../server/audit/statements.ts';
import type { Finding } from '../../server/audit/verify-histories.ts';
import type { CompactionStore } from '../../server/core/compaction-store.ts';
import { createManager } from '../../server/engine/manager.ts';
import { createMemoryLog } from '../../server/log/memory-log.ts';
import { restoreSnapshot } from '../../server/snapshot/restore.ts';
import { httpClient, refusal as apiRefusal } from '../api/support/clients.ts';
import { CAMPAIGN, cleanUp, SECRET, startGuarded, tokenFor, until } from '../api/support/server.ts';
import { command } from '../snapshot/support/commands.ts';
import { temporaryFolder } from '../start/support/processes.ts';
import { campaignHistory, part, type CampaignHistory } from '../archive/campaign-history.ts';
import { freshNamespace, query } from '../archive/namespace.ts';
import { incrementOf, inPieces, itemsOf, mergedOf, snapshotOf } from '../snapshot/support/snapshots.ts';
import { CALLERS, FIRST_STATE, refusal, setTitle } from '../support/engine-world.ts';
import { simulatedClock } from '../support/simulated-clock.ts';
import { testReader, watch } from '../support/watching.ts';

const ID = 'long';
const LONG = { timeout: 120_000 };

const keys = readStatementKeys(
  generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
);
const signingOn = (store: KeyedArchive) => {
  if (!keys.signing) throw new Error('unreachable');
  return { store, key: keys.signing, now: Date.now };
};

const compact = (store: KeyedArchive, versions: number, isSigned = true): Promise<number> =>
  compactHistories({
    store,
    keep: { versions },
    instance: 'one',
    now: Date.now,
    ...(isSigned && { sign: (campaignId, base) => signCompacted(signingOn(store), campaignId, base) }),
    onFailed: () => undefined,
  });

async function findingsOf(store: KeyedArchive): Promise<readonly Finding[]> {
  for await (const item of createAuditService({ store, keys }).verify())
    if (item.kind === 'end') return item.report.findings;
  throw new Error('a verification ends with its report');
}

/** Grows a history by so many versions, in commits of that size, with archivings and repeated ids in between. */
async function grow(store: KeyedArchive, history: CampaignHistory, versions: number, size: number): Promise<void> {
  let committed = history.entries.length;
  const until = committed + versions;
  while (history.entries.length < until) {
    const version = history.entries.length + 1;
    if (version % 60 === 50) history.add({}, { type: 'archive', command: { type: 'archive' } });
    else if (version % 60 === 20) history.add({}, { type: 'restore', command: { type: 'restore' } });
    else {
      const change = { title: `Version ${version}`, [`key${version % 5}`]: { 10: version, 2: ['x', version] } };
      history.add(change, version % 45 === 5 ? { mutationId: `${ID}-mutation-2` } : {});
    }
    if (history.entries.length - committed < size && history.entries.length < until) continue;
    expect(await store.commit([history.commitAfter(committed)])).toMatchObject([{ kind: 'committed' }]);
    committed = history.entries.length;
  }
}

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
  const { namespace, drop } = freshNamespace();
  const archive = await openPostgresArchive({ connectionString: inject('postgresUrl'), namespace, poolSize: 4 });
  cleanUp(drop);
  cleanUp(() => archive.stop({ clean: true }));
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
    const { namespace, drop } = freshNamespace();
    const archive = await openPostgresArchive({ connectionString: inject('postgresUrl'), namespace, poolSize: 4 });
    cleanUp(drop);
    cleanUp(() => archive.stop({ clean: true }));
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
    const { namespace, drop } = freshNamespace();
    const archive = await openPostgresArchive({ connectionString: inject('postgresUrl'), namespace, poolSize: 4 });
    cleanUp(drop);
    cleanUp(() => archive.stop({ clean: true }));
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

test(
  'V43 what is kept of one campaign is said by its admins, by command and by procedure, and is all that is compacted where nothing is said of all',
  LONG,
  async () => {
    const archive = createMemoryArchive();
    const { url } = await startGuarded({ archive });
    const admin = httpClient(url, await tokenFor({ [CAMPAIGN]: 'admin' }, { sub: 'root' }));
    const editor = httpClient(url, await tokenFor({ '*': 'editor' }));
    const durable = { campaignId: CAMPAIGN, durability: 'durable' } as const;
    for (let version = 2; version <= 105; version += 1)
      await admin.campaign.update.mutate({ ...durable, updates: { title: `${version}` } });
    expect(await admin.audit.retention.query({ campaignId: CAMPAIGN })).toEqual({
      campaignId: CAMPAIGN,
      keep: {},
      isOwn: false,
      firstVersion: 1,
      version: 105,
    });
    const round = () => compactHistories({ store: archive, instance: 'one', now: Date.now, onFailed: () => undefined });
    await round();
    expect((await archive.readEntries({ campaignId: CAMPAIGN, version: 0 }, CAMPAIGN, 1e6)).length).toBe(105);
    for (const keep of [{ versions: 0 }, { ageMs: 5 }, { versions: 1.5 }])
      expect(await apiRefusal(admin.audit.setRetention.mutate({ campaignId: CAMPAIGN, keep }))).toMatchObject({
        reason: 'INVALID',
      });
    expect(await apiRefusal(editor.audit.setRetention.mutate({ campaignId: CAMPAIGN, keep: {} }))).toMatchObject({
      reason: 'FORBIDDEN',
    });
    const folder = await temporaryFolder();
    const keep = (...what: string[]) =>
      command(folder, ['audit', 'keep', CAMPAIGN, ...what, '--url', url], { AUTH_SECRET: SECRET });
    expect(await keep('3,90d')).toMatchObject({
      code: 0,
      sentence: expect.stringContaining('the newest 3 versions and the last 90 days, as was said of it'),
    });
    await round();
    expect((await admin.audit.retention.query({ campaignId: CAMPAIGN })).firstVersion).toBe(1);
    expect(await admin.audit.setRetention.mutate({ campaignId: CAMPAIGN, keep: { versions: 3 } })).toMatchObject({
      keep: { versions: 3 },
      isOwn: true,
    });
    await round();
    expect(await admin.audit.retention.query({ campaignId: CAMPAIGN })).toMatchObject({
      firstVersion: 100,
      version: 105,
    });
    expect(await keep('default')).toMatchObject({ sentence: expect.stringContaining('keeps everything, as of all') });
    const root = httpClient(url, await tokenFor({ '*': 'admin' }));
    await until(async () => (await root.audit.events.query()).items.some(({ kind }) => kind === 'retention'));
  },
);
