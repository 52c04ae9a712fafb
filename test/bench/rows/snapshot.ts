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
import type { AdoptedHistory, StoredCheckpoint, StoredEntry } from '../../../server/core/history-store.ts';
import { mergePatch } from '../../../server/core/document/merge-patch.ts';
import type { JsonObject } from '../../../server/core/json.ts';
import { FIRST_TAIL, seal } from '../../../server/core/stream/hash-chain.ts';
import { systemClock } from '../../../server/engine/system-clock.ts';
import { createMemoryLog } from '../../../server/log/memory-log.ts';
import { restoreSnapshot } from '../../../server/snapshot/restore.ts';
import { createSnapshotService } from '../../../server/snapshot/snapshot-service.ts';
import { atMost, type Round, type Row } from '../harness/row.ts';
import { BrokenRun } from '../harness/trial.ts';

const execute = promisify(execFile);
const VERSIONS = 100;
const FILLED_AT_ONCE = 20;
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

/** Stores campaigns of 100 small changes each, the way a restore does. */
async function fill(archive: KeyedArchive, campaigns: number): Promise<void> {
  await archive.beginRestore('fill', Date.now(), 0);
  for (let from = 0; from < campaigns; from += FILLED_AT_ONCE) {
    const some = Array.from({ length: Math.min(FILLED_AT_ONCE, campaigns - from) }, (_, index) =>
      historyOf(from + index),
    );
    const checkpoints = some.map(({ checkpoint }) => checkpoint);
    await archive.stage(
      'fill',
      some.flatMap(({ entries }) => entries),
      checkpoints,
      Date.now(),
    );
    await archive.adopt(
      'fill',
      some.map(({ adopted }) => adopted),
    );
  }
  await archive.endRestore('fill');
}

/** A campaign of 100 small changes. */
function historyOf(number: number): { entries: StoredEntry[]; checkpoint: StoredCheckpoint; adopted: AdoptedHistory } {
  const campaignId = `campaign-${number}`;
  const entries: StoredEntry[] = [];
  let state: JsonObject = {};
  let tail = FIRST_TAIL;
  for (let version = 1; version <= VERSIONS; version += 1) {
    const change =
      version === 1
        ? { slug: campaignId, title: campaignId }
        : { [`field${version % 10}`]: `value ${version} of ${number}` };
    const type = version === 1 ? 'create' : 'update';
    const at = 1_700_000_000_000 + version;
    const mutationId = `${number}-${version}`;
    const sealed = seal(
      {
        version,
        type,
        change,
        actor: { id: `editor-${number % 17}`, role: 'editor' },
        mutationId,
        correlationId: systemClock.id(),
        at,
        format: 1,
        epoch: 'bench',
        command: version === 1 ? { type: 'create' } : { type: 'update', updates: change },
        fingerprint: 'fingerprint-fing',
      },
      tail,
    );
    ({ tail } = sealed);
    state = mergePatch(state, change);
    entries.push({ campaignId, version, epoch: 'bench', type, at, mutationId, bytes: sealed.bytes, tail });
  }
  return {
    entries,
    checkpoint: { campaignId, version: VERSIONS, state: JSON.stringify(state) },
    adopted: {
      campaignId,
      head: { epoch: 'bench', version: VERSIONS, tail },
      createdAt: 1_700_000_000_001,
      archivedAt: undefined,
      updatedAt: 1_700_000_000_000 + VERSIONS,
      updatedBy: `editor-${number % 17}`,
      lineage: [],
      generation: 1,
      over: false,
    },
  };
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
