import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from './free-port.ts';
import { createChildService } from './child-service.ts';
import { findOrInstall, runs } from './system-package.ts';

/** A temporary Redis, which ends with this process. */
export interface TemporaryRedis {
  readonly url: string;
  readonly port: number;
  /** The process id, for SIGSTOP and SIGCONT. */
  readonly pid: number | undefined;
  /** `kill -9`; resolves when the server has ended. */
  kill(): Promise<void>;
  /** Starts it again on the same port and files; resolves when it answers. */
  restart(): Promise<void>;
  /** Ends it and removes its files. */
  stop(): Promise<void>;
}

/** Options of {@link startRedis}. */
export interface RedisSettings {
  /** Further settings of redis-server, such as `{ 'cluster-enabled': 'yes' }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Default: any free port. */
  readonly port?: number;
}

/** How long Redis may take to answer after its start, in milliseconds. */
const START_TIMEOUT_MS = 30_000;

/**
 * Starts a Redis on 127.0.0.1, with an append-only file in a temporary folder and without eviction, as the log needs
 * it. Where the machine has none and this process is root on Debian, it installs one first, and says so on stderr.
 *
 * @throws {Error} In one sentence where there is none and none can be installed.
 */
export async function startRedis({ settings = {}, port: wanted }: RedisSettings = {}): Promise<TemporaryRedis> {
  const command = findServer();
  const folder = await mkdtemp(join(tmpdir(), 'campaign-state-redis-'));
  const port = wanted ?? (await freePort());
  const url = `redis://127.0.0.1:${port}`;
  const merged = {
    port: String(port),
    bind: '127.0.0.1',
    dir: folder,
    save: '',
    appendonly: 'yes',
    'maxmemory-policy': 'noeviction',
    ...settings,
  };
  const server = createChildService({
    name: 'Redis',
    command,
    args: Object.entries(merged).flatMap(([key, value]) => [`--${key}`, value]),
    cwd: folder,
    probe: () => probe(url),
    startTimeoutMs: START_TIMEOUT_MS,
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

/** The names of the server's command: Redis', and that of its fork. */
const COMMANDS = ['redis-server', 'valkey-server'];

function findServer(): string {
  const why = 'A Redis is needed and there is none';
  const found = findOrInstall({ name: 'redis-server', why, find: () => COMMANDS.find(runs) });
  if (found !== undefined) return found;
  throw new Error(
    "A Redis (7 or newer) is needed: install your system's package, so that redis-server is on the PATH, or set REDIS_URL.",
  );
}

async function probe(url: string): Promise<void> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.ping();
  } finally {
    client.disconnect();
  }
}
