import { spawnSync } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from './free-port.ts';
import { createOwnProcess } from './child-service.ts';

/** A Redis of our own. */
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
  /** Default: any that is free. */
  port?: number;
}

const PATIENCE_MS = 30_000;

/**
 * Starts a Redis on 127.0.0.1, with an append-only file in a temporary folder and without eviction, as the log needs
 * it. Where the machine has none, and is a Debian on which we are root, it is installed first, which is said.
 *
 * @throws Error in one sentence where no Redis can be had
 */
export async function startRedis({ settings = {}, port: wanted }: RedisSettings = {}): Promise<OwnRedis> {
  const command = findServer();
  const folder = await mkdtemp(join(tmpdir(), 'campaign-state-redis-'));
  const port = wanted ?? (await freePort());
  const url = `redis://127.0.0.1:${port}`;
  const all = {
    port: String(port),
    bind: '127.0.0.1',
    dir: folder,
    save: '',
    appendonly: 'yes',
    'maxmemory-policy': 'noeviction',
    ...settings,
  };
  const server = createOwnProcess({
    name: 'Redis',
    command,
    args: Object.entries(all).flatMap(([key, value]) => [`--${key}`, value]),
    cwd: folder,
    ask: () => ask(url),
    patience: PATIENCE_MS,
    stopSignal: 'SIGKILL',
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
    port,
    get pid() {
      return server.pid;
    },
    kill: server.kill,
    restart: server.start,
    stop: server.stop,
  };
}

const COMMANDS = ['redis-server', 'valkey-server'];

function findServer(): string {
  const found = COMMANDS.find(runs);
  if (found !== undefined) return found;
  if (process.platform === 'linux' && process.getuid?.() === 0 && runs('apt-get')) {
    process.stderr.write('A Redis is needed and there is none: installing redis-server with apt-get …\n');
    const quiet = { stdio: ['ignore', 'ignore', 'inherit'] as ['ignore', 'ignore', 'inherit'] };
    spawnSync('apt-get', ['update', '-qq'], quiet);
    spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'redis-server'], quiet);
    const installed = COMMANDS.find(runs);
    if (installed !== undefined) return installed;
  }
  throw new Error(
    "A Redis (7 or newer) is needed: install your system's package, so that redis-server is on the PATH, or set REDIS_URL.",
  );
}

function runs(command: string): boolean {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;
}

async function ask(url: string): Promise<void> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.ping();
  } finally {
    client.disconnect();
  }
}
