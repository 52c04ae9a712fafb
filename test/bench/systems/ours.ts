import { createCampaignServer, createLogger, createMemoryArchive } from '../../../server/index.ts';
import { payload } from '../harness/messages.ts';
import { serve } from '../harness/serve.ts';

/** The service with everything on; its archive is in memory, so that no database's thread is in the figures of the fan-out. */
await serve(async () => {
  const server = await createCampaignServer({
    port: 0,
    rateLimit: 0,
    logger: createLogger('silent'),
    archive: createMemoryArchive(),
    fanOut: process.env['FANOUT'] === 'iterator' ? 'iterator' : 'rooms',
    campaigns: [{ campaignId: 'bench', state: { slug: 'bench', title: 'Bench', status: 'active' } }],
  });
  const caller = { identity: { id: 'bench', grants: { '*': 'admin' as const } }, correlationId: 'bench' };
  return {
    port: server.port,
    publish: (n, bytes) => server.service.mutate(caller, 'bench', { type: 'update', updates: { bench: { ...payload(n, bytes) } } }, {}),
  };
});
