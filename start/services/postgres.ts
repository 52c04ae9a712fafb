import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { chmod, chown, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { freePort } from './free-port.ts';
import { createChildService } from './child-service.ts';
import { installedBinaries, serverUser, usableBinaries, type Binaries, type ServerUser } from './postgres-binaries.ts';

/** A temporary Postgres, which ends with this process. */
export interface TemporaryPostgres {
  readonly url: string;
  /** The folder of its binaries, for the log. */
  readonly source: string;
  /** `kill -9`; resolves when the server has ended. */
  kill(): Promise<void>;
  /** Starts it again on the same port and files; resolves when it answers. */
  restart(): Promise<void>;
  /** Ends it and removes its files. */
  stop(): Promise<void>;
}

/** English collation, as on most servers and unlike that of bytes: code that relies on an order must say which. */
const LOCALE = ['--locale=C', '--locale-provider=icu', '--icu-locale=en-US'];
/** How long Postgres may take to answer after its start, in milliseconds. */
const START_TIMEOUT_MS = 60_000;
/** Attempts to start it after `kill -9`. */
const RESTART_ATTEMPTS = 50;
/** The pause between them, in milliseconds. */
const RESTART_PAUSE_MS = 100;

/**
 * Starts a Postgres on a free port of 127.0.0.1, with its default durability, in a temporary folder.
 *
 * @param candidates the binaries to choose from, the best first; default: those installed on this machine
 * @param more further settings, such as `ssl=on`
 * @throws {Error} In one sentence where none of them runs.
 */
export async function startPostgres(
  candidates: readonly Binaries[] = installedBinaries(),
  more: readonly string[] = [],
): Promise<TemporaryPostgres> {
  const user = serverUser();
  const folder = await mkdtemp(join(tmpdir(), 'campaign-state-postgres-'));
  const data = join(folder, 'data');
  let binaries: Binaries | undefined;
  try {
    if (user.uid !== undefined) {
      await chmod(folder, 0o755);
      await chown(folder, user.uid, user.gid ?? user.uid);
    }
    binaries = await usableBinaries(candidates, user, folder);
    if (!binaries)
      throw new Error(
        "A Postgres (15 or newer) is needed: install your system's postgresql package, or set DATABASE_URL.",
      );
    initialise(binaries, user, folder, data);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }

  const port = await freePort();
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const settings = [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'max_connections=100',
    ...more,
  ];
  const server = createChildService({
    name: 'Postgres',
    command: binaries.postgres,
    args: ['-D', data, ...settings.flatMap((setting) => ['-c', setting])],
    ...user,
    cwd: folder,
    probe: () => probe(url),
    startTimeoutMs: START_TIMEOUT_MS,
    stopSignal: 'SIGINT',
    folder,
  });
  try {
    await server.start();
  } catch (error) {
    await server.stop();
    throw error;
  }
  return {
    url,
    source: binaries.source,
    kill: server.kill,
    restart: () => retryStart(server.start),
    stop: server.stop,
  };
}

function initialise({ initdb }: Binaries, user: ServerUser, cwd: string, data: string): void {
  const args = ['--pgdata', data, '--username=postgres', '--auth=trust', '--encoding=UTF8', ...LOCALE, '--no-sync'];
  const { status, stderr, error } = spawnSync(initdb, args, { ...user, cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`initdb failed: ${stderr || error?.message}`);
}

/**
 * Retries the start: after `kill -9` the old server's children hold its shared memory for a moment, and a new server
 * refuses to start.
 */
async function retryStart(start: () => Promise<void>): Promise<void> {
  for (let attempt = 1; attempt < RESTART_ATTEMPTS; attempt += 1) {
    try {
      return await start();
    } catch {
      await pause(RESTART_PAUSE_MS);
    }
  }
  await start();
}

async function probe(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('select 1');
  } finally {
    await client.end().catch(() => undefined);
  }
}
