import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, inject, test } from 'vitest';
import { createMemoryArchive, openPgliteArchive, openPostgresArchive } from '../../server/archive/index.ts';
import type { KeyedArchive } from '../../server/archive/keyed-archive.ts';
import { createMemoryLog } from '../../server/log/memory-log.ts';
import { systemClock } from '../../server/engine/system-clock.ts';
import type { RestoreOptions } from '../../server/snapshot/restoring/restore-options.ts';
import type { RestoreReport } from '../../server/snapshot/restoring/restore-report.ts';
import { restoreSnapshot } from '../../server/snapshot/restoring/restore-snapshot.ts';
import { SnapshotError } from '../../server/snapshot/snapshot-error.ts';
import { part, type CampaignHistory } from '../archive/campaign-history.ts';
import { freshNamespace } from '../archive/namespace.ts';
import { inPieces, snapshotOf, storedCampaign } from './support/snapshots.ts';

const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function openMemory(): Promise<KeyedArchive> {
  return createMemoryArchive();
}

async function openPglite(): Promise<KeyedArchive> {
  const dataDir = await mkdtemp(join(tmpdir(), 'cs-snapshot-'));
  const archive = await openPgliteArchive({ dataDir, namespace: 'cs' });
  closing.push(
    () => rm(dataDir, { recursive: true, force: true }),
    () => archive.stop({ clean: true }),
  );
  return archive;
}

async function openPostgres(): Promise<KeyedArchive> {
  const { namespace, drop } = freshNamespace();
  const archive = await openPostgresArchive({ connectionString: inject('postgresUrl'), namespace, poolSize: 4 });
  closing.push(drop, () => archive.stop({ clean: true }));
  return archive;
}

function restore(
  store: KeyedArchive,
  file: Uint8Array,
  options: RestoreOptions = {},
  log = createMemoryLog(),
): Promise<RestoreReport> {
  return restoreSnapshot(inPieces(file), options, { store, log, clock: systemClock });
}

/** What an archive says of a history that was restored up to that version. */
async function expectRestored(
  archive: KeyedArchive,
  history: CampaignHistory,
  version: number,
  as = history.campaignId,
) {
  const entries = history.entries.slice(0, version);
  const loaded = await archive.load(as, 3);
  const content = part(history.contents, version);
  expect(loaded?.state).toEqual(content.state);
  expect(loaded?.archivedAt).toBe(content.archivedAt);
  expect(loaded?.head).toMatchObject({ version, tail: entries.at(-1)?.tail });
  expect(loaded?.head.epoch).not.toBe(history.epoch);
  expect(loaded?.lineage).toEqual([{ epoch: loaded?.head.epoch, parent: history.epoch, fromVersion: version }]);
  expect(loaded?.recent).toEqual(entries.slice(-3));
  const read = await archive.readEntries({ campaignId: as, version: 0 }, as, 100_000_000);
  expect(read.map(({ bytes, tail }) => ({ bytes, tail }))).toEqual(entries.map(({ bytes, tail }) => ({ bytes, tail })));
  for (const past of [1, 57, 100, 101, 199].filter((candidate) => candidate <= version))
    expect(await archive.stateAt(as, past)).toEqual(part(history.contents, past).state);
  const id = `${history.campaignId}-mutation-2`;
  if (version >= 2) expect((await archive.findMutation(as, id)).entry).toEqual(part(history.entries, 1));
  expect((await archive.list({ limit: 100 })).find(({ campaignId }) => campaignId === as)).toMatchObject({
    title: content.state['title'],
    version,
  });
}

test.each([
  ['PGlite', openPglite],
  ['Postgres', openPostgres],
] as const)(
  'W25 many small campaigns are put in their places some at a time, whole or not at all: %s',
  async (_name, openTo) => {
    const [from, to] = [createMemoryArchive(), await openTo()];
    const histories: CampaignHistory[] = [];
    for (let number = 10; number < 32; number += 1) {
      const id = `many-${number}`;
      histories.push(await storedCampaign(from, id, 1 + (number % 5)));
      // Some take the place of others, which are longer.
      if (number % 3 === 0) await storedCampaign(to, id, 7, { slug: id, title: 'Another one' });
    }
    const file = await snapshotOf(from);
    const first = histories.slice(0, 5).map(({ campaignId }) => campaignId);
    const groups: string[][] = [];
    const store: KeyedArchive = {
      ...to,
      async adopt(restoreId, some, redactedUntil) {
        const ids = some.map(({ campaignId }) => campaignId);
        // The third group, which may come before the second.
        if (!ids.every((id) => first.includes(id))) throw new Error('killed');
        groups.push(ids);
        return await to.adopt(restoreId, some, redactedUntil);
      },
    };
    const target = { store, log: createMemoryLog(), clock: systemClock, atOnce: { campaigns: 4, versions: 9 } };
    await expect(restoreSnapshot(inPieces(file), { over: true }, target)).rejects.toThrow('killed');
    // By versions, then by campaigns: 1 to 5 come again and again. Two groups are under way at once, in either order.
    expect(groups.toSorted(([one = ''], [other = '']) => one.localeCompare(other))).toEqual([
      ['many-10', 'many-11', 'many-12'],
      ['many-13', 'many-14'],
    ]);
    const heads = await to.heads(histories.map(({ campaignId }) => campaignId));
    const restored = heads.filter(({ head }) => !head.epoch.startsWith('first-'));
    expect(restored.map(({ campaignId }) => campaignId).sort()).toEqual(first);
    const report = await restore(to, file, { over: true });
    expect(report.campaigns.map(({ outcome }) => outcome === 'present')).toEqual(
      histories.map(({ campaignId }) => first.includes(campaignId)),
    );
    for (const history of histories) await expectRestored(to, history, history.entries.length);
  },
);

test.each([
  ['memory', 'PGlite', openMemory, openPglite],
  ['PGlite', 'Postgres', openPglite, openPostgres],
  ['Postgres', 'PGlite', openPostgres, openPglite],
])(
  'W20 every campaign goes from %s to %s with its whole history, and takes changes there',
  async (_from, _to, openFrom, openTo) => {
    const [from, to] = [await openFrom(), await openTo()];
    const long = await storedCampaign(from, 'long', 230);
    const short = await storedCampaign(from, 'short', 1);
    const report = await restore(to, await snapshotOf(from));
    expect(report.campaigns).toMatchObject([
      { campaignId: 'long', as: 'long', outcome: 'created', version: 230 },
      { campaignId: 'short', as: 'short', outcome: 'created', version: 1 },
    ]);
    await expectRestored(to, long, 230);
    await expectRestored(to, short, 1);
    const head = (await to.load('long', 0))?.head;
    long.epoch = head?.epoch ?? '';
    long.add({ title: 'And on' });
    expect(await to.commit([long.commitAfter(230)])).toEqual([{ campaignId: 'long', kind: 'committed' }]);
    expect(await to.stateAt('long', 231)).toMatchObject({ title: 'And on' });
    // And back, with what was added there.
    const back = createMemoryArchive();
    await restore(back, await snapshotOf(to));
    expect(await back.load('long', 1)).toMatchObject({ head: { version: 231 }, state: { title: 'And on' } });
  },
);

describe('restoring', () => {
  test('W21 as another id, up to a version, a position or a time', async () => {
    const from = createMemoryArchive();
    const history = await storedCampaign(from, 'spring', 120);
    const file = await snapshotOf(from);
    const to = createMemoryArchive();
    const time = part(history.entries, 56).record.at;
    for (const [as, at, version] of [
      ['by-version', { version: 101 }, 101],
      ['by-position', { version: `${history.epoch}:100` }, 100],
      ['by-time', { time }, 57],
      ['whole', undefined, 120],
    ] as const) {
      const report = await restore(to, file, { campaignId: 'spring', as, at });
      expect(report.campaigns).toMatchObject([{ campaignId: 'spring', as, outcome: 'created', version }]);
      await expectRestored(to, history, version, as);
    }
    expect(await to.load('spring', 0)).toBeUndefined();
    await expect(restore(to, file, { campaignId: 'spring', at: { version: 121 } })).rejects.toThrow(
      'at: the file has no 121 of spring; it ends at first-spring:120',
    );
    await expect(restore(to, file, { campaignId: 'spring', at: { version: 'other:3' } })).rejects.toThrow('no other:3');
    await expect(restore(to, file, { campaignId: 'spring', at: { time: 1 } })).rejects.toThrow(
      'was not there at that time',
    );
    await expect(restore(to, file, { as: 'x' })).rejects.toThrow('as: one campaign has to be named for it');
    await expect(restore(to, file, { campaignId: 'winter' })).rejects.toThrow('winter is not in the file');
    expect(await to.load('spring', 0)).toBeUndefined();
  });

  test('W22 a campaign that is there is a reason to restore nothing, unless it is restored over', async () => {
    const from = createMemoryArchive();
    const autumn = await storedCampaign(from, 'autumn', 5);
    const spring = await storedCampaign(from, 'spring', 8);
    const file = await snapshotOf(from);
    spring.add({ title: 'After the snapshot' });
    await from.commit([spring.commitAfter(8)]);
    const to = createMemoryArchive();
    await storedCampaign(to, 'spring', 30, { slug: 'spring', title: 'Another one' });
    await expect(restore(to, file)).rejects.toThrow(
      'campaignId: spring exists already; restore over it, or as another id',
    );
    expect(await to.load('autumn', 0)).toBeUndefined();
    expect(await to.load('spring', 0)).toMatchObject({ head: { version: 30 } });

    const before = (await to.load('spring', 0))?.membership.generation ?? 0;
    const dry = await restore(to, file, { over: true, dryRun: true });
    expect(dry).toMatchObject({
      dryRun: true,
      campaigns: [
        { campaignId: 'autumn', outcome: 'created', version: 5 },
        { campaignId: 'spring', outcome: 'replaced', version: 8, replaced: 'first-spring:30' },
      ],
    });
    expect(await to.load('spring', 0)).toMatchObject({ head: { version: 30 }, membership: { generation: before } });

    await restore(to, file, { over: true });
    await expectRestored(to, autumn, 5);
    await expectRestored(to, spring, 8);
    expect((await to.load('spring', 0))?.membership.generation).toBeGreaterThan(before);
  });

  test('W23 a damaged or cut file touches nothing, wherever the damage is', async () => {
    const from = createMemoryArchive();
    await storedCampaign(from, 'autumn', 40);
    await storedCampaign(from, 'spring', 40);
    const file = await snapshotOf(from);
    const to = createMemoryArchive();
    await storedCampaign(to, 'spring', 3);
    const before = await to.load('spring', 10);
    for (let at = 0; at < file.length; at += 97) {
      const damaged = Buffer.from(file);
      damaged[at] = (damaged[at] ?? 0) ^ 0x10;
      await expect(restore(to, damaged, { over: true })).rejects.toBeInstanceOf(SnapshotError);
      await expect(restore(to, file.subarray(0, at), { over: true })).rejects.toBeInstanceOf(SnapshotError);
    }
    expect(await to.list({ limit: 10 })).toMatchObject([{ campaignId: 'spring', version: 3 }]);
    expect(await to.load('spring', 10)).toEqual(before);
  });

  test('W24 a restore that ends at any call of the archive or the log is finished by another one', async () => {
    const from = createMemoryArchive();
    const histories: CampaignHistory[] = [];
    for (const id of ['a', 'b', 'c']) histories.push(await storedCampaign(from, id, 12));
    const file = await snapshotOf(from);
    for (let calls = 0; ; calls += 1) {
      const to = createMemoryArchive();
      await storedCampaign(to, 'b', 30, { slug: 'b', title: 'Another one' });
      const seeded = new Map<string, number>();
      const log = createMemoryLog();
      let left = calls;
      let killed = false;
      const dying =
        <A extends unknown[], T>(call: (...args: A) => Promise<T>, after: boolean) =>
        async (...args: A) => {
          // Killed: before a call, or after it and before its answer comes.
          if (left === 0 && !after) killed = true;
          if (killed) throw new Error('killed');
          const answer = await call(...args);
          if (left === 0) killed = true;
          left -= 1;
          if (killed) throw new Error('killed');
          return answer;
        };
      for (const after of [false, true]) {
        left = calls;
        killed = false;
        const store: KeyedArchive = {
          ...to,
          beginRestore: dying(to.beginRestore, after),
          stage: dying(to.stage, after),
          adopt: dying(to.adopt, after),
          endRestore: dying(to.endRestore, after),
          heads: dying(to.heads, after),
        };
        const atOnce = { campaigns: 2, versions: 1_000 };
        const target = { store, log: { seed: dying(log.seed, after) }, clock: systemClock, atOnce };
        await restoreSnapshot(inPieces(file), { over: true }, target).catch((error: Error) =>
          expect(error.message).toBe('killed'),
        );
        if (!killed) break;
      }
      const finished = await restoreSnapshot(
        inPieces(file),
        { over: true },
        {
          store: to,
          log: {
            seed: async (id, generation, head) => {
              seeded.set(id, generation);
              await log.seed(id, generation, head);
            },
          },
          clock: systemClock,
        },
      );
      expect(finished.campaigns.map(({ as }) => as)).toEqual(['a', 'b', 'c']);
      for (const history of histories) await expectRestored(to, history, 12);
      // The log knows each under the archive's generation, whichever attempt has told it.
      for (const { campaignId } of histories) {
        const { membership, head } = (await to.load(campaignId, 0)) ?? {};
        expect(
          await log.open(
            campaignId,
            membership?.generation ?? 0,
            head ?? { epoch: '', version: 0, tail: '' },
            () => undefined,
          ),
        ).toMatchObject({ kind: 'opened' });
      }
      if (!killed) break;
    }
  });
});
