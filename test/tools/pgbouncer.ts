import { chmod, chown, mkdtemp, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createChildService } from '../../start/services/child-service.ts';
import { freePort } from '../../start/services/free-port.ts';
import { serverUser } from '../../start/services/postgres-binaries.ts';
import { findOrInstall, runs } from '../../start/services/system-package.ts';

/** A real PgBouncer in front of a Postgres. */
export interface TemporaryPgBouncer {
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * The command of PgBouncer. Where the machine has none and this process is root on Debian, it is installed first.
 *
 * @returns `undefined` where there is none and none can be installed
 */
export function findPgBouncer(): string | undefined {
  const find = () => ['pgbouncer', '/usr/sbin/pgbouncer'].find(runs);
  return findOrInstall({ name: 'pgbouncer', why: 'A PgBouncer is wanted and there is none', find });
}

/** Starts a PgBouncer with its defaults, but for the mode and the size of its pools. */
export async function startPgBouncer(
  command: string,
  postgresUrl: string,
  mode: 'session' | 'transaction' | 'statement',
): Promise<TemporaryPgBouncer> {
  const user = serverUser();
  const folder = await mkdtemp(join(tmpdir(), 'campaign-state-pgbouncer-'));
  const port = await freePort();
  const { hostname, port: postgresPort } = new URL(postgresUrl);
  const config = join(folder, 'pgbouncer.ini');
  await writeFile(
    config,
    [
      '[databases]',
      `* = host=${hostname} port=${postgresPort} user=postgres`,
      '[pgbouncer]',
      'listen_addr = 127.0.0.1',
      `listen_port = ${port}`,
      'unix_socket_dir =',
      'auth_type = any',
      `pool_mode = ${mode}`,
      // A pool that keeps sessions has to be as large as all of its clients together.
      ...(mode === 'session' ? ['default_pool_size = 60'] : []),
      '',
    ].join('\n'),
  );
  await chmod(folder, 0o755);
  if (user.uid !== undefined) await chown(folder, user.uid, user.gid ?? user.uid);
  const server = createChildService({
    name: 'PgBouncer',
    command,
    args: [config],
    ...user,
    cwd: folder,
    probe: () => probe(port),
    startTimeoutMs: 30_000,
    stopSignal: 'SIGTERM',
    folder,
  });
  try {
    await server.start();
  } catch (error) {
    await server.stop();
    throw error;
  }
  return { url: `postgres://postgres@127.0.0.1:${port}/postgres`, stop: server.stop };
}

function probe(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: '127.0.0.1', port }, () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });
}
