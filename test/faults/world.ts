import { startPostgres, type TemporaryPostgres } from '../tools/postgres.ts';
import { createInstance, type Instance } from './instance.ts';
import { createRelay, type Relay } from './relays/relay.ts';
import { startRedisPrimary, type RedisPrimary } from './redis-primary.ts';

/** The whole service as it is run: instances, one Redis, one Postgres, all real, all to be hurt. */
export interface World {
  readonly instances: readonly Instance[];
  /** Of these instances; the last one is a relay of the one before. */
  readonly relays: readonly Relay[];
  readonly redis: RedisPrimary;
  readonly postgres: TemporaryPostgres;
  readonly namespace: string;
  close(): Promise<void>;
}

export interface WorldOptions {
  instances?: number;
  /** Default: none. */
  relays?: number;
  env?: Readonly<Record<string, string>>;
  /** Further variables, made once Postgres is there: another way to it, or another Redis. */
  deployment?: (postgres: TemporaryPostgres) => Promise<Readonly<Record<string, string>>>;
}

const NAMESPACE = 'faults';
/** Clocks that are apart by minutes: no order may come from them. */
const SKEWS = [0, 150_000, -150_000];

export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const { instances: count = 3, relays: relayCount = 0, env = {}, deployment } = options;
  const closing: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const step of closing.splice(0).reverse()) await step();
  };
  try {
    const redis = await startRedisPrimary();
    closing.push(() => redis.stop());
    const postgres = await startPostgres();
    closing.push(() => postgres.stop());
    const deployed = (await deployment?.(postgres)) ?? {};
    const instances: Instance[] = [];
    for (let index = 0; index < count; index += 1) {
      const instance = await createInstance({
        name: `instance-${index + 1}`,
        redisPort: () => redis.port,
        postgresPort: Number(new URL(postgres.url).port),
        clockSkew: SKEWS[index % SKEWS.length] ?? 0,
        env: { CAMPAIGN_NAMESPACE: NAMESPACE, ...env, ...deployed },
      });
      instances.push(instance);
      closing.push(() => instance.close());
    }
    await Promise.all(instances.map((instance) => instance.start()));
    const relays: Relay[] = [];
    const { CAMPAIGN_IDLE_TTL } = env;
    let links = 0;
    for (let index = 0; index < relayCount; index += 1) {
      const before = index > 0 && index === relayCount - 1 ? relays[index - 1] : undefined;
      const relay = await createRelay({
        name: `relay-${index + 1}`,
        upstreamPort: () => (before ?? living(instances, (links += 1)))?.port,
        clockSkew: SKEWS[(index + 1) % SKEWS.length] ?? 0,
        ...(CAMPAIGN_IDLE_TTL !== undefined && { env: { CAMPAIGN_IDLE_TTL } }),
      });
      relays.push(relay);
      closing.push(() => relay.close());
      await relay.start();
    }
    return { instances, relays, redis, postgres, namespace: NAMESPACE, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** One of those that listen, in turn. */
function living(instances: readonly Instance[], turn: number): Instance | undefined {
  const up = instances.filter(({ port }) => port !== undefined);
  return up[turn % up.length];
}
