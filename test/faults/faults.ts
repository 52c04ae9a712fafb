import type { SeededRandom } from '../support/seeded-random.ts';
import type { TcpProxy } from '../support/tcp-proxy.ts';
import { inSession } from '../tools/postgres-session.ts';
import type { Actor } from './actor.ts';
import type { Instance } from './instance.ts';
import { RELAY_FAULTS } from './relays/relay-faults.ts';
import type { World } from './world.ts';

/** What a fault may lay hands on. */
export interface Reach {
  world: World;
  actors: readonly Actor[];
  random: SeededRandom;
}

/** A fault that has begun. */
export interface Inflicted {
  /** What it was done to. */
  detail: string;
  /** Ends it; resolves when everything is there again. */
  heal: () => Promise<void> | void;
}

export interface Fault {
  name: string;
  /** Two faults that want the same at the same time do not go together. */
  wants: 'redis' | 'postgres' | 'instance' | 'relay' | 'clients' | 'everything';
  /** Whether Redis may have less afterwards than before. */
  losesLog?: true;
  /** How long it lasts, in milliseconds, where that is what it is about. */
  lasts?: 'long';
  inflict(reach: Reach): Promise<Inflicted>;
}

/** Something about one instance. */
function onInstance(
  name: string,
  inflict: (instance: Instance) => Promise<Inflicted['heal']> | Inflicted['heal'],
  lasts?: 'long',
): Fault {
  return {
    name,
    wants: 'instance',
    ...(lasts && { lasts }),
    async inflict({ world, random }) {
      const instance = random.pick(world.instances);
      return { detail: instance.name, heal: await inflict(instance) };
    },
  };
}

/** Something about the link between one instance and Redis or Postgres. */
function onLink(name: string, to: 'redis' | 'postgres', harm: (link: TcpProxy) => void): Fault {
  return onInstance(`${name} ${to}`, (instance) => {
    harm(instance[to]);
    return () => instance[to].restore();
  });
}

/** Something about the links of half of the clients. */
function onClients(name: string, harm: (link: TcpProxy) => void): Fault {
  return {
    name: `${name} clients`,
    wants: 'clients',
    async inflict({ actors, random }) {
      const hurt = actors.filter(() => random.chance(0.5));
      for (const { link } of hurt) harm(link);
      return {
        detail: `${hurt.length} of ${actors.length}`,
        heal: () => {
          for (const { link } of hurt) link.restore();
        },
      };
    },
  };
}

const nothingToHeal = (): void => undefined;

async function setReadOnly(url: string, isReadOnly: boolean): Promise<void> {
  await inSession(url, async (client) => {
    await client.query('set default_transaction_read_only = off');
    await client.query(`alter system set default_transaction_read_only = ${isReadOnly ? 'on' : 'off'}`);
    await client.query('select pg_reload_conf()');
  });
}

/** Every way of failing that the guarantees are held against. */
export const FAULTS: readonly Fault[] = [
  onInstance('kill -9 an instance', async (instance) => {
    await instance.kill();
    return () => instance.start();
  }),
  onInstance(
    'stop an instance',
    (instance) => {
      instance.pause();
      return () => instance.resume();
    },
    'long',
  ),
  {
    name: 'rolling restart',
    wants: 'instance',
    async inflict({ world }) {
      const codes: (number | null)[] = [];
      for (const instance of world.instances) {
        codes.push(await instance.terminate());
        await instance.start();
      }
      return { detail: `exit codes ${codes.join(', ')}`, heal: nothingToHeal };
    },
  },
  {
    name: 'kill -9 Redis',
    wants: 'redis',
    losesLog: true,
    async inflict({ world: { redis } }) {
      await redis.kill();
      return { detail: 'started again over its append-only file', heal: () => redis.restart() };
    },
  },
  {
    name: 'stop Redis',
    wants: 'redis',
    lasts: 'long',
    async inflict({ world: { redis } }) {
      redis.pause();
      return { detail: 'SIGSTOP', heal: () => redis.resume() };
    },
  },
  {
    name: 'FLUSHALL',
    wants: 'redis',
    losesLog: true,
    async inflict({ world: { redis } }) {
      await redis.flush();
      return { detail: 'under load', heal: nothingToHeal };
    },
  },
  {
    name: 'promote a stale replica',
    wants: 'redis',
    losesLog: true,
    async inflict({ world: { redis }, random }) {
      const behind = random.int(200, 1_500);
      await redis.promoteStaleReplica(behind);
      return { detail: `${behind} ms behind`, heal: nothingToHeal };
    },
  },
  {
    name: 'fill Redis',
    wants: 'redis',
    async inflict({ world: { redis } }) {
      await redis.limitMemory(0.5);
      return { detail: 'maxmemory below what it uses', heal: () => redis.configure({ maxmemory: '0' }) };
    },
  },
  {
    name: 'make Redis read-only',
    wants: 'redis',
    async inflict({ world: { redis } }) {
      await redis.makeReadOnly();
      return { detail: 'REPLICAOF nothing', heal: () => redis.makeWritable() };
    },
  },
  {
    name: 'fail over behind the same address',
    wants: 'redis',
    losesLog: true,
    async inflict({ world: { redis } }) {
      const end = await redis.failOver();
      return { detail: 'no connection is cut', heal: end };
    },
  },
  {
    name: 'delete streams',
    wants: 'redis',
    losesLog: true,
    async inflict({ world: { redis } }) {
      return { detail: `${await redis.deleteStreams()} of them, and no other key`, heal: nothingToHeal };
    },
  },
  {
    name: 'let Redis evict',
    wants: 'redis',
    losesLog: true,
    async inflict({ world: { redis } }) {
      await redis.configure({ 'maxmemory-policy': 'allkeys-random' });
      await redis.limitMemory(0.97);
      return {
        detail: 'allkeys-random while it runs',
        heal: () => redis.configure({ maxmemory: '0', 'maxmemory-policy': 'noeviction' }),
      };
    },
  },
  {
    name: 'make Postgres read-only',
    wants: 'postgres',
    async inflict({ world: { postgres } }) {
      await setReadOnly(postgres.url, true);
      return { detail: 'default_transaction_read_only', heal: () => setReadOnly(postgres.url, false) };
    },
  },
  {
    name: 'kill -9 Postgres',
    wants: 'postgres',
    async inflict({ world: { postgres } }) {
      await postgres.kill();
      return { detail: 'started again over its files', heal: () => postgres.restart() };
    },
  },
  onLink('partition from', 'redis', (link) => link.sever()),
  onLink('partition from', 'postgres', (link) => link.sever()),
  onLink('half-open link to', 'redis', (link) => link.freeze()),
  onLink('half-open link to', 'postgres', (link) => link.freeze()),
  onLink('lost replies of', 'redis', (link) => link.dropReplies()),
  onLink('lost replies of', 'postgres', (link) => link.dropReplies()),
  onLink('stalled link to', 'redis', (link) => link.stall()),
  onLink('slow link to', 'redis', (link) => link.delay(150)),
  onLink('slow link to', 'postgres', (link) => link.delay(150)),
  ...RELAY_FAULTS,
  onClients('cut', (link) => link.cut()),
  onClients('half-open links of', (link) => link.freeze()),
  onClients('lost replies to', (link) => link.dropReplies()),
  onClients('stalled links of', (link) => link.stall()),
  {
    // The worst combination: what no instance has saved by then is lost, and clients must be told.
    name: 'Postgres away, FLUSHALL, kill -9 of two instances',
    wants: 'everything',
    losesLog: true,
    async inflict({ world: { instances, redis }, random }) {
      const spared = random.pick(instances);
      for (const instance of instances) instance.postgres.sever();
      await new Promise((resolve) => setTimeout(resolve, 500));
      await redis.flush();
      const killed = instances.filter((instance) => instance !== spared);
      await Promise.all(killed.map((instance) => instance.kill()));
      return {
        detail: `${spared.name} lives`,
        async heal() {
          for (const instance of instances) instance.postgres.restore();
          await Promise.all(killed.map((instance) => instance.start()));
        },
      };
    },
  },
];
