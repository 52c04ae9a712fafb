import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createMemoryArchive, createMemoryStore } from '../../server/archive/index.ts';
import type { SnapshotRun } from '../../server/core/history-store.ts';
import { systemClock } from '../../server/engine/system-clock.ts';
import { createMemoryLog } from '../../server/log/memory-log.ts';
import { startPeriodicSnapshots, type PeriodicSnapshots } from '../../server/snapshot/periodic-snapshots.ts';
import { createSnapshotService } from '../../server/snapshot/snapshot-service.ts';
import { cleanUp, startServer, until } from '../api/support/server.ts';
import { refusalOf, storedCampaign } from './support/snapshots.ts';

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
): PeriodicSnapshots {
  const archive = createMemoryArchive({ store, soleUser: false });
  const snapshots = createSnapshotService({ store: archive, log: createMemoryLog(), clock: systemClock, version: '0' });
  const periodic = startPeriodicSnapshots({
    dir,
    everyMs: 1_000,
    keep: 3,
    store: archive,
    snapshots,
    instance: name,
    now: () => clock.now,
    onFailed: (error) => errors.push(error),
    onSaved: (run) => runs.push(run),
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
