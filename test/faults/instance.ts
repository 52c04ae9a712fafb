import { join } from 'node:path';
import { openTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { createServerProcess, type ServerProcess } from './relays/server-process.ts';

/** One real instance, with a hand on its links to Redis and Postgres. */
export interface Instance extends ServerProcess {
  readonly redis: TcpProxy;
  readonly postgres: TcpProxy;
}

export interface InstanceOptions {
  name: string;
  redisPort: () => number | undefined;
  postgresPort: number;
  /** By how much its clock is wrong, in milliseconds. */
  clockSkew?: number;
  env?: Readonly<Record<string, string>>;
}

const MAIN = join(import.meta.dirname, '..', '..', 'start', 'main.ts');

export async function createInstance(options: InstanceOptions): Promise<Instance> {
  const { name, redisPort, postgresPort, clockSkew = 0, env = {} } = options;
  const redis = await openTcpProxy(redisPort);
  const postgres = await openTcpProxy(postgresPort);
  const started = createServerProcess({
    name,
    main: MAIN,
    clockSkew,
    env: {
      REDIS_URL: `redis://127.0.0.1:${redis.port}`,
      DATABASE_URL: `postgres://postgres@127.0.0.1:${postgres.port}/postgres`,
      ...env,
    },
  });
  const close = async (): Promise<void> => {
    await started.close();
    await Promise.all([redis.close(), postgres.close()]);
  };
  // `port` changes: it is read from the process.
  return Object.assign(Object.create(started) as ServerProcess, { redis, postgres, close });
}
