import { expect, test } from 'vitest';
import { createMemoryArchive } from '../../server/archive/index.ts';
import { systemClock } from '../../server/engine/system-clock.ts';
import { createMemoryLog } from '../../server/log/memory-log.ts';
import { createSnapshotService } from '../../server/snapshot/snapshot-service.ts';
import { until } from '../api/support/server.ts';
import { campaignHistory } from '../archive/campaign-history.ts';
import { rowsOf } from '../archive/histories.ts';

test('W77 what a restore has staged that nobody goes on with is dropped by any server that runs, and that of another one stays', async () => {
  const store = createMemoryArchive();
  const rows = rowsOf(campaignHistory('left'));
  const now = Date.now();
  await store.beginRestore('abandoned', now - 3_600_001, 0);
  await store.beginRestore('under way', now - 3_000_000, 0);
  expect(await store.stage('abandoned', rows, [], now - 3_600_001)).toBe(true);
  const failed: Error[] = [];
  const snapshots = createSnapshotService({
    store,
    log: createMemoryLog(),
    clock: systemClock,
    version: '0.0.0',
    onFailed: (error) => failed.push(error),
  });
  await until(async () => !(await store.stage('abandoned', rows, [], now - 3_600_001)));
  expect(await store.stage('under way', rows, [], now)).toBe(true);
  await snapshots.stop();

  const failing = { ...store, endStaleRestores: () => Promise.reject(new Error('away')) };
  const others = createSnapshotService({
    store: failing,
    log: createMemoryLog(),
    clock: systemClock,
    version: '0.0.0',
    onFailed: (error) => failed.push(error),
  });
  await until(() => failed.length > 0);
  expect(failed).toMatchObject([{ message: 'away' }]);
  await others.stop();
});
