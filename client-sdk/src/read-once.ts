import { systemClock } from './clock.ts';
import { noDefaultCampaign, toCampaignError } from './errors.ts';
import type { Viewer } from '../../server/core/document/targeting-fields.ts';
import type { PrefetchOptions } from './prefetch.ts';
import type { CampaignSeed } from './sync/seed.ts';
import type { CampaignClient } from './types.ts';
import { bounded } from './within.ts';

/** Default of `timeout`: a page that is being rendered cannot wait for a server to come back. */
const TIMEOUT_MS = 10_000;

/** Reads a campaign once: what `prefetchCampaign` does. */
export async function readOnce(
  client: CampaignClient,
  campaignId: string | undefined,
  { signal, timeout = TIMEOUT_MS, viewer = client.viewer() }: PrefetchOptions,
): Promise<CampaignSeed> {
  try {
    return await bounded(
      (ended) => Promise.race([read(client, campaignId, viewer, ended), refusal(client, ended)]),
      { signal, timeout },
      systemClock,
      () => client.connection.getSnapshot().error,
    );
  } catch (thrown) {
    throw signal?.aborted ? thrown : toCampaignError(thrown);
  }
}

async function read(
  client: CampaignClient,
  named: string | undefined,
  viewer: Viewer | undefined,
  signal: AbortSignal,
): Promise<CampaignSeed> {
  const { campaign, system } = client.trpc;
  const campaignId = named ?? (await system.info.query(undefined, { signal })).defaultCampaignId;
  if (campaignId === undefined) throw noDefaultCampaign();
  const input = { campaignId, ...(viewer && { viewer }) };
  const { epoch, version, durableVersion, archivedAt, state, assignments } = await campaign.get.query(input, {
    signal,
  });
  const told = assignments && { assignments };
  const archived = archivedAt !== undefined && { archivedAt };
  return { campaignId, isDefault: named === undefined, epoch, version, durableVersion, ...archived, state, ...told };
}

/** Rejects at once where the connection waits for the app. */
function refusal({ connection }: CampaignClient, ended: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    function onConnection(): void {
      const { status, error } = connection.getSnapshot();
      if (status === 'needs-auth' || status === 'closed') reject(error ?? new Error(status));
    }
    ended.addEventListener('abort', connection.subscribe(onConnection));
    onConnection();
  });
}
