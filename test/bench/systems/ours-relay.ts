import { SignJWT } from 'jose';
import { createCampaignRelay, createLogger } from '../../../server/index.ts';
import { serve } from '../harness/serve.ts';

/** A relay of the service; changes are made at the origin. */
const { AUTH_SECRET: secret = '', BENCH_UPSTREAM: upstream = '', PORT = '0' } = process.env;

await serve(async () => {
  const key = await new SignJWT({ campaigns: { '*': 'relay' } })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject('relay')
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(secret));
  const relay = await createCampaignRelay({
    upstream,
    key,
    port: Number(PORT),
    rateLimit: 0,
    logger: createLogger('silent'),
    auth: { kind: 'secret', secret },
  });
  return {
    port: relay.port,
    publish() {
      throw new Error('changes are made at the origin');
    },
    loaded: () => relay.stats().campaigns,
    close: () => relay.close(),
  };
});
