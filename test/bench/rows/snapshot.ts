import { execFile } from 'node:child_process';
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { installedBinaries } from '../../../start/services/postgres-binaries.ts';
import { startPostgres } from '../../../start/services/postgres.ts';
import type { KeyedArchive } from '../../../server/archive/keyed-archive.ts';
import { openPostgresArchive } from '../../../server/archive/index.ts';
import { systemClock } from '../../../server/engine/system-clock.ts';
import { createMemoryLog } from '../../../server/log/memory-log.ts';
import { restoreSnapshot } from '../../../server/snapshot/restoring/restore-snapshot.ts';
import { createSnapshotService } from '../../../server/snapshot/snapshot-service.ts';
import { fill, VERSIONS } from '../harness/stored-campaigns.ts';
import { atMost, type Round, type Row } from '../harness/row.ts';
import { BrokenRun } from '../harness/trial.ts';

const execute = promisify(execFile);
const MEGABYTE = 1_000_000;

/**
 * A snapshot of many campaigns with their histories, and its restore, beside `pg_dump` and `pg_restore` of the same.
 */
export const snapshot: Row = {
  name: 'snapshot',
  rounds: { full: 3, quick: 1, verify: 1 },
  lines: [
    { name: 'snapshot-time', title: 'snapshot of 10,000 campaigns with 1,000,000 entries', unit: 's', targets: [] },
    {
      name: 'restore-time',
      title: 'restore of the same, into another namespace',
      unit: 's',
      targets: [atMost(5, 'pg_dump')],
    },
    { name: 'snapshot-size', title: 'size of the file', unit: 'MB', targets: [] },
    {
      name: 'snapshot-memory',
      title: 'memory that a snapshot and a restore of it add, at most',
      unit: 'MB',
      targets: [atMost(256)],
    },
  ],
  async measure(round) {
    // A Postgres that has its `pg_dump` beside it: one of another version refuses it.
    const withTools = installedBinaries().find(({ postgres }) => existsSync(join(dirname(postgres), 'pg_dump')));
    const postgres = withTools && (await startPostgres([withTools]));
    try {
      await measureOn(
        round,
        postgres?.url ?? (await round.services.databaseUrl()),
        withTools && dirname(withTools.postgres),
      );
    } finally {
      await postgres?.stop();
    }
  },
};

/** @param tools the folder of `pg_dump`, if there is one */
async function measureOn(round: Round, url: string, tools: string | undefined): Promise<void> {
  const campaigns = round.size({ full: 10_000, quick: 1_000, verify: 20 });
  const folder = await round.services.folder();
  const [from, to] = [round.services.namespace(), round.services.namespace()];
  const [source, target] = [await open(url, from), await open(url, to)];
  const file = join(folder, 'campaigns.jsonl.gz');
  try {
    await fill(source, campaigns);
    global.gc?.();
    const memory = watchMemory();
    const service = createSnapshotService({
      store: source,
      log: createMemoryLog(),
      clock: systemClock,
      version: '0',
    });
    round.record(
      'snapshot-time',
      'ours',
      await seconds(() => pipeline(Readable.from(service.take()), createWriteStream(file))),
    );
    round.record('snapshot-size', 'ours', (await stat(file)).size / MEGABYTE);
    const restoring = async (): Promise<void> => {
      const log = createMemoryLog();
      const report = await restoreSnapshot(createReadStream(file), {}, { store: target, log, clock: systemClock });
      if (report.campaigns.length !== campaigns) throw new BrokenRun(`ours: ${report.campaigns.length} restored`);
    };
    round.record('restore-time', 'ours', await seconds(restoring));
    round.record('snapshot-memory', 'ours', memory.stop() / MEGABYTE);
    const counted = await target.countHistories();
    if (counted.entries !== campaigns * VERSIONS) throw new BrokenRun(`ours: ${counted.entries} entries restored`);
  } finally {
    await source.stop({ clean: true });
    await target.stop({ clean: true });
  }
  if (tools === undefined) round.say('pg_dump is not installed: nothing stands beside the snapshot.');
  else await measureDump(round, url, from, join(folder, 'campaigns.dump'), tools);
  await query(url, `drop schema if exists ${from} cascade; drop schema if exists ${to} cascade`);
}

async function measureDump(round: Round, url: string, namespace: string, file: string, tools: string): Promise<void> {
  const dump = ['--format=custom', `--schema=${namespace}`, `--file=${file}`, url];
  round.record('snapshot-time', 'pg_dump', await seconds(() => execute(join(tools, 'pg_dump'), dump)));
  round.record('snapshot-size', 'pg_dump', (await stat(file)).size / MEGABYTE);
  await query(url, `drop schema ${namespace} cascade`);
  const restore = [`--dbname=${url}`, '--exit-on-error', file];
  round.record('restore-time', 'pg_dump', await seconds(() => execute(join(tools, 'pg_restore'), restore)));
}

function open(connectionString: string, namespace: string): Promise<KeyedArchive> {
  return openPostgresArchive({ connectionString, namespace, poolSize: 4 });
}

/** The most that the process' memory has grown by, in bytes. */
function watchMemory(): { stop(): number } {
  const before = process.memoryUsage.rss();
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss());
  }, 50);
  return {
    stop() {
      clearInterval(timer);
      return most - before;
    },
  };
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1_000;
}

async function query(connectionString: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  await client.query(text).finally(() => client.end());
}
