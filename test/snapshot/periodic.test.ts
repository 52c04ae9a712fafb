import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createMemoryArchive, createMemoryStore } from '../../server/archive/index.ts';
import type { SnapshotRun } from '../../server/core/history-store.ts';
import { systemClock } from '../../server/engine/system-clock.ts';
import { createMemoryLog } from '../../server/log/memory-log.ts';
import { startPeriodicSnapshots, type PeriodicSnapshots } from '../../server/snapshot/periodic-snapshots.ts';
import { readSnapshot } from '../../server/snapshot/read-snapshot.ts';
import { readFiles } from '../../server/snapshot/snapshot-files.ts';
import { createSnapshotService } from '../../server/snapshot/snapshot-service.ts';
import { wsClient } from '../api/support/clients.ts';
import { cleanUp, startServer, until } from '../api/support/server.ts';
import { command } from './support/commands.ts';
import { refusalOf, snapshotOf, storedCampaign } from './support/snapshots.ts';

let dir = '';

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'cs-periodic-'));
});

afterEach(() => rm(dir, { recursive: true, force: true }));

const files = async (): Promise<string[]> => (await readdir(dir)).sort();

/** An instance on that store, by a clock that is set by hand. */
function instance(
  store: ReturnType<typeof createMemoryStore>,
  name: string,
  clock: { now: number },
  errors: Error[] = [],
  runs: SnapshotRun[] = [],
  { increments = 0, keep = 3, broken = [] }: { increments?: number; keep?: number; broken?: Error[] } = {},
): PeriodicSnapshots {
  const archive = createMemoryArchive({ store, soleUser: false });
  const snapshots = createSnapshotService({ store: archive, log: createMemoryLog(), clock: systemClock, version: '0' });
  const periodic = startPeriodicSnapshots({
    dir,
    everyMs: 1_000,
    keep,
    increments,
    store: archive,
    snapshots,
    instance: name,
    now: () => clock.now,
    onFailed: (error) => errors.push(error),
    onSaved: (run) => runs.push(run),
    onBrokenChain: (error) => broken.push(error),
  });
  cleanUp(() => periodic.stop());
  return periodic;
}

test('W60 of several instances one saves each snapshot when it is due, and the newest are kept', async () => {
  const store = createMemoryStore();
  await storedCampaign(createMemoryArchive({ store, soleUser: false }), 'spring', 20);
  const clock = { now: 1_700_000_000_000 };
  const runs: SnapshotRun[] = [];
  const all = ['a', 'b', 'c'].map((name) => instance(store, name, clock, [], runs));
  const saved: number[] = [];
  for (let number = 1; number <= 5; number += 1) {
    const at = clock.now;
    await until(() => all.every(({ stats }) => stats.last?.at === at));
    saved.push((await files()).length);
    clock.now += 1_001;
  }
  expect(saved).toEqual([1, 2, 3, 3, 3]);
  for (const periodic of all) await periodic.stop();
  for (const file of await files()) expect(await refusalOf(await readFile(join(dir, file)))).toBeUndefined();
  expect(all.map(({ stats }) => stats.failures)).toEqual([0, 0, 0]);
  expect(runs).toHaveLength(5);
});

test('W61 what an instance that died has left is removed, other files are not, and its claim expires', async () => {
  const store = createMemoryStore();
  const archive = createMemoryArchive({ store, soleUser: false });
  await storedCampaign(archive, 'spring', 2);
  const clock = { now: 1_700_000_000_000 };
  await archive.claimSnapshot({ holder: 'dead', now: clock.now, until: clock.now + 60_000, dueBefore: clock.now });
  await writeFile(join(dir, 'campaigns-2020-01-01T00-00-00-000Z.jsonl.gz.part'), 'half');
  await writeFile(join(dir, 'notes.txt'), 'mine');
  const alive = instance(store, 'alive', clock);
  clock.now += 59_000;
  await new Promise((resolve) => setImmediate(resolve));
  expect(await files()).toHaveLength(2);
  clock.now += 2_000;
  await until(() => alive.stats.last !== undefined);
  await alive.stop();
  const now = await files();
  expect(now).toHaveLength(2);
  expect(now.filter((name) => name.endsWith('.part'))).toEqual([]);
  expect(now).toContain('notes.txt');
});

test('W62 a snapshot that cannot be written leaves nothing, is counted, and the claim is given back', async () => {
  const store = createMemoryStore();
  await storedCampaign(createMemoryArchive({ store, soleUser: false }), 'spring', 2);
  const clock = { now: 1_700_000_000_000 };
  await rm(dir, { recursive: true });
  await writeFile(dir, 'a file where the folder should be');
  const errors: Error[] = [];
  const failing = instance(store, 'failing', clock, errors);
  await until(() => failing.stats.failures > 0);
  expect(errors[0]?.message).toMatch(/EEXIST|ENOTDIR/);
  await failing.stop();
  await rm(dir);
  const other = instance(store, 'other', clock);
  await until(() => other.stats.last !== undefined);
  expect(await files()).toHaveLength(1);
});

test('W63 a server with a folder saves snapshots, and its metrics say when, how large and how often', async () => {
  const server = await startServer({ snapshotDir: dir, snapshotEvery: 60_000 });
  const value = async (name: string): Promise<number> => {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    return Number(new RegExp(`^campaign_state_${name} (\\S+)$`, 'm').exec(text)?.[1]);
  };
  await until(async () => (await value('snapshot_last_success_timestamp_seconds')) > 0);
  const [file = ''] = await files();
  expect(await value('snapshot_last_size_bytes')).toBe((await readFile(join(dir, file))).length);
  expect(await value('snapshot_interval_seconds')).toBe(60);
  expect(await value('snapshot_failures')).toBe(0);
  expect(await value('snapshot_last_damaged_campaigns')).toBe(0);
});

test('W64 what is saved holds what has changed, until the chain is long enough, and what others rest on is kept', async () => {
  const store = createMemoryStore();
  const archive = createMemoryArchive({ store, soleUser: false });
  const history = await storedCampaign(archive, 'spring', 200);
  const clock = { now: 1_700_000_000_000 };
  const runs: SnapshotRun[] = [];
  const broken: Error[] = [];
  const periodic = instance(store, 'a', clock, [], runs, { increments: 2, keep: 2, broken });
  const next = async (): Promise<SnapshotRun> => {
    const count = runs.length;
    if (count > 0) {
      const version = history.entries.length;
      history.add({ title: `Version ${version + 1}` });
      await archive.commit([history.commitAfter(version)]);
      clock.now += 1_001;
    }
    await until(() => runs.length > count && periodic.stats.last === runs.at(-1));
    const run = runs.at(-1);
    if (!run) throw new Error('unreachable');
    const ends: number[] = [];
    for await (const item of readSnapshot(readFiles([join(dir, run.file)])))
      if (item.kind === 'complete') ends.push(item.campaign.head.version);
    expect(ends).toEqual([history.entries.length]);
    return run;
  };
  const saved: SnapshotRun[] = [];
  for (let number = 0; number < 3; number += 1) saved.push(await next());
  expect(saved.map(({ entries }) => entries)).toEqual([200, 1, 1]);
  // The whole one is kept beside the two that rest on it.
  await until(async () => (await files()).length === 3);
  saved.push(await next());
  expect(saved.at(-1)?.entries).toBe(203);
  expect(saved.at(-1)?.file).not.toContain('after');
  // A file of which a byte has changed ends its chain.
  const [whole = ''] = saved.slice(-1).map(({ file }) => join(dir, file));
  const bytes = await readFile(whole);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  await writeFile(whole, bytes);
  expect(broken).toEqual([]);
  saved.push(await next());
  expect(saved.at(-1)?.entries).toBe(204);
  expect(broken.map(({ message }) => message)).toEqual([expect.stringContaining('block')]);
  // And so does one that is not there.
  saved.push(await next());
  expect(saved.at(-1)?.entries).toBe(1);
  await rm(join(dir, saved.at(-2)?.file ?? ''));
  saved.push(await next());
  expect(saved.at(-1)?.entries).toBe(206);
});

test('W65 a file is read with those that it goes on from, beside it or named, and not without them', async () => {
  const store = createMemoryStore();
  const archive = createMemoryArchive({ store, soleUser: false });
  const history = await storedCampaign(archive, 'spring', 60);
  const clock = { now: 1_700_000_000_000 };
  const runs: SnapshotRun[] = [];
  const periodic = instance(store, 'a', clock, [], runs, { increments: 5 });
  for (let count = 1; count <= 3; count += 1) {
    await until(() => runs.length === count);
    const version = history.entries.length;
    history.add({ title: `Version ${version + 1}` });
    await archive.commit([history.commitAfter(version)]);
    if (count < 3) clock.now += 1_001;
  }
  await periodic.stop();
  const paths = runs.map(({ file }) => join(dir, file));
  const said = await command(dir, ['verify', paths[2] ?? '']);
  expect(said).toMatchObject({ code: 0, sentence: expect.stringContaining('1 campaigns, 62 entries') });
  const elsewhere = join(dir, 'elsewhere');
  await mkdir(elsewhere);
  const moved = join(elsewhere, 'base.gz');
  await rename(paths[0] ?? '', moved);
  const read = async (...named: string[]): Promise<void> => {
    for await (const _item of readSnapshot(readFiles(named)));
  };
  await expect(read(paths[2] ?? '')).rejects.toThrow('is not beside it: name that one too');
  await read(paths[2] ?? '', moved);
  await read(moved, paths[1] ?? '');
  const other = join(elsewhere, 'other.gz');
  await writeFile(other, await snapshotOf(archive));
  await expect(read(moved, other)).rejects.toThrow('are not of one chain');
});

test('W74 an admin is told what is saved, and begins one at any time; a failure is said, and two at once are refused', async () => {
  const server = await startServer({
    snapshotDir: dir,
    snapshotEvery: 60_000,
    snapshotKeep: 2,
    snapshotIncrements: 0,
  });
  const { snapshot } = wsClient(server.url);
  const status = () => snapshot.status.query();
  await until(async () => (await status()).last !== undefined);
  const { last: first, ...before } = await status();
  expect(before).toMatchObject({ everyMs: 60_000, keep: 2, isRunning: false, failures: 0 });
  expect(before.files).toMatchObject([{ name: first?.file, bytes: first?.bytes, isIncrement: false }]);
  expect(before.now - (before.files[0]?.at ?? 0)).toBeLessThan(60_000);

  for (let taken = 2; taken <= 4; taken += 1) {
    const { last } = await status();
    expect(await snapshot.takeNow.mutate()).toEqual({ started: true });
    await until(async () => (await status()).last?.file !== last?.file);
    await until(async () => !(await status()).isRunning);
    expect((await status()).files).toHaveLength(2);
  }
  const both = await Promise.allSettled([snapshot.takeNow.mutate(), snapshot.takeNow.mutate()]);
  expect(both.map(({ status: outcome }) => outcome).toSorted()).toEqual(['fulfilled', 'rejected']);
  await until(async () => !(await status()).isRunning);

  await rm(dir, { recursive: true });
  await writeFile(dir, 'a file where the folder should be');
  await snapshot.takeNow.mutate();
  await until(async () => (await status()).failure !== undefined);
  expect(await status()).toMatchObject({ failures: 1, failure: expect.stringMatching(/EEXIST|ENOTDIR/), files: [] });
});

test('W75 a server without a folder says so, and takes none', async () => {
  const { snapshot } = wsClient((await startServer({})).url);
  expect(await snapshot.status.query()).toMatchObject({ isRunning: false, failures: 0, files: [] });
  await expect(snapshot.takeNow.mutate()).rejects.toThrow('set SNAPSHOT_DIR');
});
