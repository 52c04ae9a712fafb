import { createCampaignRelay, createLogger } from '../../../server/index.ts';
import type { CampaignRelay, CampaignRelayOptions } from '../../../server/index.ts';
import { cleanUp, SECRET, tokenFor } from '../../api/support/server.ts';

/** A relay before a server that wants tokens, with the key of one. */
export async function startRelay(
  upstream: { readonly url: string },
  options: Partial<CampaignRelayOptions> = {},
): Promise<CampaignRelay> {
  const relay = await createCampaignRelay({
    upstream: upstream.url,
    key: await relayKey(),
    port: 0,
    auth: { kind: 'secret', secret: SECRET },
    logger: createLogger('silent'),
    rateLimit: 0,
    ...options,
  });
  cleanUp(() => relay.close());
  return relay;
}

/** A token that may relay all campaigns, and nothing else. */
export function relayKey(): Promise<string> {
  return tokenFor({ '*': 'relay' }, { sub: 'a relay' });
}
