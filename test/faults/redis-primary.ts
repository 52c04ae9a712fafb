import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { openTcpProxy } from '../support/tcp-proxy.ts';
import { startRedis, type TemporaryRedis } from '../tools/redis.ts';

/** The Redis that is the primary now; another one after each promotion. */
export interface RedisPrimary {
  readonly port: number;
  kill(): Promise<void>;
  restart(): Promise<void>;
  pause(): void;
  resume(): void;
  flush(): Promise<void>;
  /** Changes settings of the running server. */
  configure(settings: Readonly<Record<string, string>>): Promise<void>;
  /** Turns it into a replica of nothing that exists: reads go on, writes are refused. */
  makeReadOnly(): Promise<void>;
  makeWritable(): Promise<void>;
  /** Fills it: its memory limit becomes that share of what it uses. */
  limitMemory(share: number): Promise<void>;
  /** Deletes the streams of all campaigns, and nothing else. */
  deleteStreams(): Promise<number>;
  /**
   * Promotes a replica that has everything, and makes the old primary its replica; connections to that one stay open.
   *
   * @returns what ends the old one
   */
  failOver(): Promise<() => Promise<void>>;
  /** A real replica whose link stops `behind` milliseconds before it takes over; resolves when it is in charge. */
  promoteStaleReplica(behind: number): Promise<void>;
  stop(): Promise<void>;
}

/** As one runs it, but for the pause before a replica is served, which only costs time here. */
const SETTINGS = { 'repl-diskless-sync-delay': '0' };

export async function startRedisPrimary(): Promise<RedisPrimary> {
  let primary = await startRedis({ settings: SETTINGS });

  const signal = (name: NodeJS.Signals): void => {
    if (primary.pid !== undefined) process.kill(primary.pid, name);
  };

  return {
    get port() {
      return primary.port;
    },
    kill: () => primary.kill(),
    restart: () => primary.restart(),
    pause: () => signal('SIGSTOP'),
    resume: () => signal('SIGCONT'),
    flush: () => ask(primary, (client) => client.flushall()),
    configure: (settings) =>
      ask(primary, async (client) => {
        for (const [name, value] of Object.entries(settings)) await client.config('SET', name, value);
      }),
    makeReadOnly: () => ask(primary, (client) => client.replicaof('127.0.0.1', '1')),
    makeWritable: () => ask(primary, (client) => client.replicaof('NO', 'ONE')),
    limitMemory: (share) =>
      ask(primary, async (client) => {
        const used = Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1]);
        await client.config('SET', 'maxmemory', String(Math.max(1, Math.round(used * share))));
      }),
    async deleteStreams() {
      let deleted = 0;
      await ask(primary, async (client) => {
        for (const key of await client.keys('*:l:*')) deleted += await client.del(key);
      });
      return deleted;
    },
    async failOver() {
      const replica = await startRedis({ settings: SETTINGS });
      const old = primary;
      try {
        await ask(replica, async (client) => {
          await client.replicaof('127.0.0.1', old.port);
          while (!(await client.info('replication')).includes('master_link_status:up')) await pause(20);
          await client.replicaof('NO', 'ONE');
        });
        await ask(old, (client) => client.replicaof('127.0.0.1', replica.port));
      } catch (error) {
        await replica.stop();
        throw error;
      }
      primary = replica;
      return () => old.stop();
    },
    async promoteStaleReplica(behind) {
      const link = await openTcpProxy(primary.port);
      const replica = await startRedis({ settings: SETTINGS });
      try {
        await ask(replica, async (client) => {
          await client.replicaof('127.0.0.1', link.port);
          while (!(await client.info('replication')).includes('master_link_status:up')) await pause(20);
          link.sever();
          await pause(behind);
          await client.replicaof('NO', 'ONE');
        });
      } catch (error) {
        await replica.stop();
        throw error;
      } finally {
        await link.close();
      }
      const old = primary;
      primary = replica;
      await old.stop();
    },
    stop: () => primary.stop(),
  };
}

async function ask(redis: TemporaryRedis, question: (client: Redis) => Promise<unknown>): Promise<void> {
  const client = new Redis(redis.url, { maxRetriesPerRequest: 3 });
  client.on('error', () => undefined);
  try {
    await question(client);
  } finally {
    client.disconnect();
  }
}
