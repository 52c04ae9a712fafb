import { parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';
import { Kysely, PGliteDialect } from 'kysely';
import type { Archive } from '../engine/ports.ts';
import { toArchiveError } from './errors.ts';
import { migrate } from './migrations/migrate.ts';
import { packError, unpackCommit, type PackedCommit, type Reply, type Request, type WorkerOptions } from './pglite-messages.ts';
import { openArchive } from './postgres-archive.ts';
import type { Database } from './schema.ts';

/**
 * The thread of the embedded database: the archive over PGlite, which blocks its thread while it works, and the port's calls as
 * messages. Started by `pglite-archive.ts` alone.
 */
async function open({ folder, namespace, forkOnUncleanStart }: WorkerOptions): Promise<Archive> {
  const pglite = await PGlite.create({ dataDir: folder });
  const db = new Kysely<Database>({ dialect: new PGliteDialect({ pglite }) });
  await migrate(db, namespace);
  return await openArchive(db, { namespace, forkOnUncleanStart });
}

async function answer(archive: Archive, { method, args }: Request): Promise<unknown> {
  // What arrives was packed by `pglite-archive.ts` from the arguments of that very method.
  if (method === 'commit') return await archive.commit((args[0] as PackedCommit[]).map(unpackCommit));
  return await Reflect.apply(archive[method], archive, args);
}

async function reply(id: number, work: () => Promise<unknown>): Promise<void> {
  const message = await work().then(
    (value): Reply => ({ id, ok: true, value }),
    (error: unknown): Reply => ({ id, ok: false, error: packError(toArchiveError(error)) }),
  );
  parentPort?.postMessage(message);
}

const options: WorkerOptions = workerData;
await reply(0, async () => {
  const archive = await open(options);
  parentPort?.on('message', (request: Request) => void reply(request.id, () => answer(archive, request)));
});
