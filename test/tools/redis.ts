import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';

/** A real Redis for tests, of our own, which can therefore be hurt. */
export interface OwnRedis {
  url: string;
  port: number;
  /** For SIGSTOP and SIGCONT. */
  readonly pid: number | undefined;
  /** `kill -9`; resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it again on the same port and files; resolves when it answers. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface RedisSettings {
  /** Further settings of redis-server, such as `{ 'cluster-enabled': 'yes' }`. */
  settings?: Readonly<Record<string, string>>;
  port?: number;
}

/**
 * Starts a Redis on a free port of 127.0.0.1, with an append-only file in a temporary folder, as one would run it. Where the machine
 * has none, and is a Debian on which we are root, it is installed first, which is said.
 */
export async function startRedis({ settings = {}, port: wanted }: RedisSettings = {}): Promise<OwnRedis> {
  const server = findServer();
  const folder = await mkdtemp(join(tmpdir(), 'campaign-state-redis-'));
  const port = wanted ?? (await freePort());
  const url = `redis://127.0.0.1:${port}`;
  let child: ChildProcess | undefined;
  let log = '';

  const start = async (): Promise<void> => {
    const wantedSettings = {
      port: String(port),
      bind: '127.0.0.1',
      dir: folder,
      save: '',
      appendonly: 'yes',
      'maxmemory-policy': 'noeviction',
      ...settings,
    };
    const started = spawn(server, Object.entries(wantedSettings).flatMap(([key, value]) => [`--${key}`, value]), { stdio: ['ignore', 'pipe', 'ignore'] });
    started.stdout.setEncoding('utf8').on('data', (text: string) => (log = (log + text).slice(-4_000)));
    child = started;
    await untilItAnswers(url, () => (started.exitCode !== null || started.signalCode !== null ? `Redis ended at its start: ${log}` : undefined));
  };

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const ending = child;
    if (!ending || ending.exitCode !== null || ending.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => ending.once('close', () => resolve()));
    // A stopped process hears nothing but these two.
    ending.kill('SIGCONT');
    ending.kill(signal);
    await gone;
  };

  const atExit = (): void => {
    child?.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', atExit);

  const stop = async (): Promise<void> => {
    process.off('exit', atExit);
    await end('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  };

  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url,
    port,
    get pid() {
      return child?.pid;
    },
    stop,
    kill: () => end('SIGKILL'),
    restart: start,
  };
}

function findServer(): string {
  if (runs('redis-server')) return 'redis-server';
  if (process.platform === 'linux' && process.getuid?.() === 0 && runs('apt-get')) {
    process.stderr.write('The tests need a real Redis: installing redis-server with apt-get …\n');
    const quiet = { stdio: ['ignore', 'ignore', 'inherit'] as ['ignore', 'ignore', 'inherit'] };
    spawnSync('apt-get', ['update', '-qq'], quiet);
    spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'redis-server'], quiet);
    if (runs('redis-server')) return 'redis-server';
  }
  throw new Error("The tests need redis-server (7 or newer) on the PATH and found none: install your system's Redis package.");
}

function runs(command: string): boolean {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;
}

export function freePort(): Promise<number> {
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
  const deadline = Date.now() + 30_000;
  for (;;) {
    const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.ping();
      return;
    } catch (error) {
      const why = ended() ?? (Date.now() > deadline ? `Redis does not answer at ${url}: ${String(error)}` : undefined);
      if (why !== undefined) throw new Error(why, { cause: error });
    } finally {
      client.disconnect();
    }
    await pause(50);
  }
}
