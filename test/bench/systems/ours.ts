import {
  createCampaignServer,
  createLogger,
  createMemoryArchive,
  createRedisLog,
  openPgliteArchive,
  openPostgresArchive,
  systemClock,
} from '../../../server/index.ts';
import type { Archive, RedisLog } from '../../../server/index.ts';
import { payload } from '../harness/messages.ts';
import { serve } from '../harness/serve.ts';

/**
 * The service with everything on; only the rate limits are off. What it runs on comes by the variables that its users
 * set. Without any, its archive is in memory, so that no database's thread is in the figures of the fan-out.
 */
const {
  DATABASE_URL,
  DATA_DIR,
  REDIS_URL,
  AUTH_SECRET,
  CAMPAIGN_NAMESPACE: namespace = 'bench',
  PORT = '0',
} = process.env;
/** Campaigns that are made at once. */
const AT_ONCE = 64;

async function openArchive(): Promise<Archive> {
  if (DATA_DIR !== undefined) return openPgliteArchive({ dataDir: DATA_DIR, namespace });
  if (DATABASE_URL === undefined) return createMemoryArchive();
  return openPostgresArchive({ connectionString: DATABASE_URL, namespace });
}

async function openLog(): Promise<RedisLog | undefined> {
  if (REDIS_URL === undefined) return undefined;
  const log = createRedisLog({ url: REDIS_URL, namespace, clock: systemClock });
  await log.ready();
  return log;
}

await serve(async () => {
  const log = await openLog();
  const server = await createCampaignServer({
    port: Number(PORT),
    rateLimit: 0,
    eventLimit: 0,
    logger: createLogger('silent'),
    archive: await openArchive(),
    ...(log && { log }),
    ...(AUTH_SECRET !== undefined && { auth: { kind: 'secret', secret: AUTH_SECRET } }),
    fanOut: process.env['CAMPAIGN_FANOUT'] === 'iterator' ? 'iterator' : 'rooms',
    idleTtl: Number(process.env['BENCH_IDLE_TTL_MS'] ?? 600_000),
    campaigns: [
      {
        campaignId: 'bench',
        state: {
          slug: 'bench',
          title: 'Bench',
          status: 'active',
          about: { text: 'x'.repeat(Number(process.env['BENCH_BYTES'] ?? 0)) },
        },
      },
    ],
  });
  const caller = { identity: { id: 'bench', grants: { '*': 'admin' as const } }, correlationId: 'bench' };
  const durability = process.env['CAMPAIGN_DURABILITY'] === 'durable' ? ('durable' as const) : ('accepted' as const);
  let made = 0;
  return {
    port: server.port,
    publish: (n, bytes) =>
      server.service.mutate(
        caller,
        'bench',
        { type: 'update', updates: { bench: { ...payload(n, bytes) } } },
        { durability },
      ),
    async campaigns(count, bytes) {
      const until = made + count;
      const make = async (): Promise<void> => {
        while (made < until) {
          made += 1;
          await server.service.create(
            caller,
            `c${made}`,
            { slug: `c${made}`, title: 'Idle', about: { text: 'x'.repeat(bytes) } },
            {},
          );
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, make));
    },
    loaded: () => server.service.stats().campaigns,
    close: () => server.close(),
  };
});
