import { createCampaignRelay, createLogger } from '../../../server/index.ts';
import type {
  CampaignRelay,
  CampaignRelayOptions,
  CampaignServer,
  CampaignServerOptions,
} from '../../../server/index.ts';
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

/** A server as its clients see it through so many relays in a row; its service is the origin's. */
export async function behindRelays(
  origin: CampaignServer,
  { auth = { kind: 'none' }, ...options }: CampaignServerOptions,
  count = 1,
): Promise<CampaignServer> {
  const { fanOut, subscriberBuffer, maxConnections, maxUnsentBytes, callLimit, rateLimit, allowedOrigins } = options;
  const given = { fanOut, subscriberBuffer, maxConnections, maxUnsentBytes, callLimit, rateLimit, allowedOrigins };
  const shared = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  let upstream: { readonly url: string } = origin;
  let relay: CampaignRelay | undefined;
  for (let left = count; left > 0; left -= 1)
    upstream = relay = await startRelay(upstream, { auth, ...(auth.kind === 'none' && { key: undefined }), ...shared });
  if (!relay) return origin;
  const { url, port, stats, close } = relay;
  const service = { ...origin.service, stats };
  return { ...origin, url, port, service, close: () => close().then(() => origin.close()) };
}
