import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';
import { Kysely, PGliteDialect } from 'kysely';
import type { EventRows } from '../../core/analytics/unit-rows.ts';
import type { HeldPlaceRow } from '../../core/targeting/held-place-store.ts';
import { toArchiveError } from '../errors.ts';
import { migrate } from '../sql/migrations/migrate.ts';
import {
  charactersOf,
  packError,
  PROGRESS,
  unpackCommit,
  type PackedCommit,
  type Reply,
  type Request,
  type WorkerOptions,
} from './worker-messages.ts';
import { createUpkeep } from './upkeep.ts';
import { openSqlArchive } from '../sql/sql-archive.ts';
import type { Database } from '../sql/schema.ts';

/*
 * The worker thread of the embedded database: an archive over PGlite, which blocks its thread while it works, with the
 * port's calls as messages. Started by `pglite-archive.ts` alone; as a process of its own, it makes a database and
 * ends.
 */

/**
 * Postgres sets its shared buffers aside at the start: 128 MB by default, all of it resident in WASM. The operating
 * system keeps the same pages, and what campaigns need is in memory anyway.
 */
const SETTINGS = ['-c', 'shared_buffers=16MB'];

async function open({
  folder,
  namespace,
  memberships,
}: WorkerOptions): Promise<(request: Request) => Promise<unknown>> {
  const startParams = [...PGlite.defaultStartParams, ...SETTINGS];
  const pglite = await PGlite.create({ dataDir: folder, startParams });
  const db = new Kysely<Database>({ dialect: new PGliteDialect({ pglite }) });
  await migrate(db, namespace);
  const archive = openSqlArchive(db, { namespace, soleUser: true, memberships, onProgress: reportProgress });
  const upkeep = createUpkeep(db, namespace);
  return async ({ id, method, args }) => {
    // The message was packed by `pglite-archive.ts` from the arguments of that very method.
    if (method !== 'commit') {
      await reply(id, Reflect.apply(archive[method], archive, args));
      if (method === 'recordEvents') await upkeep(rowsIn(args[0] as EventRows) * CHARACTERS_PER_ROW);
      if (method === 'holdPlaces') await upkeep((args[0] as readonly HeldPlaceRow[]).length * CHARACTERS_PER_ROW);
      return;
    }
    const parts = args[0] as PackedCommit[];
    await reply(id, archive.commitStored(parts.map(unpackCommit)));
    await upkeep(parts.reduce((sum, part) => sum + charactersOf(part), 0));
  };
}

/** What a row of events takes in the write-ahead log, with its indexes, about. */
const CHARACTERS_PER_ROW = 400;

function rowsIn({ exposures, goals, paints }: EventRows): number {
  return exposures.length + goals.length + paints.length;
}

/** A heartbeat during a long call: a thread that owes an answer and says nothing is taken for stuck. */
function reportProgress(): void {
  const message: Reply = { id: PROGRESS, ok: true, value: undefined };
  parentPort?.postMessage(message);
}

async function reply(id: number, result: Promise<unknown>): Promise<void> {
  const message = await result.then(
    (value): Reply => ({ id, ok: true, value }),
    (error: unknown): Reply => ({ id, ok: false, error: packError(toArchiveError(error)) }),
  );
  parentPort?.postMessage(message);
}

/** Makes an empty database in the folder; ends with the process that wants it. */
async function makeDatabase(folder: string): Promise<void> {
  process.once('disconnect', () => process.exit(1));
  const pglite = await PGlite.create({ dataDir: folder });
  await pglite.close();
  process.exit();
}

async function serve(options: WorkerOptions): Promise<void> {
  await reply(
    0,
    open(options).then((handle) => {
      parentPort?.on('message', (request: Request) => void handle(request));
    }),
  );
}

await (isMainThread ? makeDatabase(process.argv[2] ?? '') : serve(workerData));
