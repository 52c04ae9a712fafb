import { createCampaignStore, type CampaignStore } from './campaign-store.ts';
import { systemClock, type Clock } from './clock.ts';
import { createConnection, type Connection, type TokenSource } from './connection.ts';
import { createDefaultCampaign } from './default-campaign.ts';
import type { WebSocketConstructor } from './live-socket.ts';
import { systemNetwork, type Network } from './network.ts';
import type { CampaignSeed } from './seed.ts';
import type { Campaign, CampaignClient } from './types.ts';

/** Long enough for React's StrictMode, a route change, or a list that scrolls back. */
const RELEASE_AFTER_MS = 5_000;

export interface CampaignClientOptions {
  /** Where the server is: `https://campaigns.example.com`, or `/` for the page's own origin. */
  readonly url: string;
  /** Who is calling: a token, or a function that is asked at every connect. Without it: whoever the server takes callers without one for. */
  readonly token?: TokenSource | undefined;
  /** For a runtime without one of its own, such as Node 20: that of the package `ws`. */
  readonly WebSocket?: WebSocketConstructor | undefined;
  /** How long a campaign's stream stays after its last subscriber has left, in milliseconds. Default 5,000. */
  readonly releaseAfterMs?: number | undefined;
  /** What is known already, by `prefetchCampaign` where the page was rendered: shown at once, and gone on from. */
  readonly seeds?: readonly CampaignSeed[] | undefined;
  /** Time and chance, for tests. */
  readonly clock?: Clock | undefined;
  /** What the device says of its network, for tests and other platforms than browsers. */
  readonly network?: Network | undefined;
}

/**
 * A client of one server. Nothing is sent before something is read or changed.
 *
 * @throws TypeError for a bad address, Error where there is no `WebSocket`
 * @example
 * const client = createCampaignClient({ url: 'http://127.0.0.1:4000' });
 * await client.campaign('ovasabi_website').update({ title: 'New title' });
 */
export function createCampaignClient(options: CampaignClientOptions): CampaignClient {
  const { clock = systemClock, network = systemNetwork, releaseAfterMs = RELEASE_AFTER_MS } = options;
  const connection = createConnection({
    url: new URL(options.url, globalThis.location?.href).href,
    token: options.token,
    WebSocket: options.WebSocket ?? platformWebSocket(),
    clock,
    network,
  });
  return clientOn(connection, clock, releaseAfterMs, options.seeds);
}

/** A client on a connection of any kind. */
export function clientOn(
  connection: Connection,
  clock: Clock,
  releaseAfterMs: number,
  seeds: readonly CampaignSeed[] = [],
): CampaignClient {
  const stores = new Map<string, CampaignStore>();
  let defaultCampaign: Campaign | undefined;

  function open(campaignId: string): CampaignStore {
    const known = stores.get(campaignId);
    if (known) return known;
    const seed = seeds.find((given) => given.campaignId === campaignId);
    const store = createCampaignStore({ campaignId, connection, clock, releaseAfterMs, seed });
    stores.set(campaignId, store);
    return store;
  }

  return {
    campaign(campaignId) {
      const known = campaignId ?? seeds.find(({ isDefault }) => isDefault)?.campaignId;
      if (known !== undefined) return open(known).campaign;
      defaultCampaign ??= createDefaultCampaign({ connection, clock, open });
      return defaultCampaign;
    },
    connection: connection.state,
    trpc: connection.trpc,
    authenticate: (token) => connection.authenticate(token),
    close() {
      connection.close();
      for (const store of stores.values()) store.close();
    },
  };
}

function platformWebSocket(): WebSocketConstructor {
  if (typeof WebSocket === 'function') return WebSocket;
  throw new Error('There is no WebSocket in this runtime: use Node 22 or newer, or pass one as the option `WebSocket`');
}
