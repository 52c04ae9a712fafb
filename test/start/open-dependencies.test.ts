import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { createLogger } from '../../server/api/observability/logging.ts';
import { readConfig, type Config } from '../../server/cli/config.ts';
import { openArchive } from '../../server/cli/open-archive.ts';
import { openLog } from '../../server/cli/open-log.ts';

const logger = createLogger('silent');
const servers: Server[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

function configure(env: Record<string, string>): Config {
  const read = readConfig({ START_TIMEOUT: '6s', DATABASE_URL: 'postgres://127.0.0.1:1/db', ...env });
  if (!read.ok) throw new Error(read.message);
  return read.config;
}

/** A port that takes connections and says nothing, as a firewall or another service may. */
function silentPort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer((socket) => void sockets.push(socket.on('error', () => undefined)));
    servers.push(server);
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

describe('what a dependency that cannot be used is said to be at the start', () => {
  test('F91 a Redis that refuses connections', async () => {
    await expect(openLog(configure({ REDIS_URL: 'redis://127.0.0.1:1', START_TIMEOUT: '1s' }), logger)).rejects.toThrow(
      /^REDIS_URL: no answer within START_TIMEOUT, 1 s\. Redis does not answer \(connect ECONNREFUSED 127\.0\.0\.1:1\)\. If that port speaks TLS only, write rediss:\/\/\.$/,
    );
  });

  test('F91 a Redis whose host says nothing', async () => {
    const url = `redis://127.0.0.1:${await silentPort()}`;
    await expect(openLog(configure({ REDIS_URL: url }), logger)).rejects.toThrow(
      /^REDIS_URL: no answer within START_TIMEOUT, 6 s\. /,
    );
  });

  test('F91 a Postgres whose host says nothing', async () => {
    const url = `postgres://postgres@127.0.0.1:${await silentPort()}/postgres`;
    await expect(openArchive(configure({ DATABASE_URL: url }), logger)).rejects.toThrow(
      /^DATABASE_URL: no answer within START_TIMEOUT, 6 s \(the host does not answer at all, as behind a firewall or with a wrong port\)\.$/,
    );
  });

  test('F91 addresses of sockets and Sentinels are addresses', () => {
    for (const DATABASE_URL of [
      'postgres://user@/db?host=/run/postgresql',
      'postgres:///db?host=/run',
      'postgresql://h/db',
    ])
      expect(readConfig({ DATABASE_URL }).ok).toBe(true);
    const read = readConfig({ DATABASE_URL: 'postgres://h/db', REDIS_URL: 'redis+sentinel://a:1,b:2/main' });
    expect(read.ok).toBe(true);
    for (const DATABASE_URL of ['postgres:/db', 'mysql://h/db', 'h:5432'])
      expect(readConfig({ DATABASE_URL }).ok).toBe(false);
  });
});
