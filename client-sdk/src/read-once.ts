import { CampaignError, noDefaultCampaign, toCampaignError } from './errors.ts';
import type { PrefetchOptions } from './prefetch.ts';
import type { CampaignSeed } from './sync/seed.ts';
import type { CampaignClient } from './types.ts';

/** Default of `timeout`: a page that is being rendered cannot wait for a server to come back. */
const TIMEOUT_MS = 10_000;

/** Reads a campaign once: what `prefetchCampaign` does. */
export async function readOnce(
  client: CampaignClient,
  campaignId: string | undefined,
  { signal, timeout = TIMEOUT_MS }: PrefetchOptions,
): Promise<CampaignSeed> {
  const end = new AbortController();
  try {
    return await Promise.race([
      read(client, campaignId, end.signal),
      failure(client, timeout, end.signal),
      abortion(signal, end.signal),
    ]);
  } catch (thrown) {
    throw signal?.aborted ? thrown : toCampaignError(thrown);
  } finally {
    end.abort();
  }
}

async function read(client: CampaignClient, named: string | undefined, signal: AbortSignal): Promise<CampaignSeed> {
  const { campaign, system } = client.trpc;
  const campaignId = named ?? (await system.info.query(undefined, { signal })).defaultCampaignId;
  if (campaignId === undefined) throw noDefaultCampaign();
  const { epoch, version, durableVersion, archivedAt, state } = await campaign.get.query({ campaignId }, { signal });
  const archived = archivedAt !== undefined && { archivedAt };
  return { campaignId, isDefault: named === undefined, epoch, version, durableVersion, ...archived, state };
}

/** Rejects when it takes too long, and at once where the connection waits for the app. */
function failure(client: CampaignClient, timeout: number, ended: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const timer = setTimeout(() => {
      const cause = client.connection.getSnapshot().error;
      const message = `The campaign could not be read within ${timeout} ms${cause ? `: ${cause.message}` : ''}`;
      reject(new CampaignError({ reason: 'UNAVAILABLE', message, retryable: true }, { cause }));
    }, timeout);
    function onConnection(): void {
      const { status, error } = client.connection.getSnapshot();
      if (status === 'needs-auth' || status === 'closed') reject(error ?? new Error(status));
    }
    const stop = client.connection.subscribe(onConnection);
    onConnection();
    ended.addEventListener('abort', () => {
      clearTimeout(timer);
      stop();
    });
  });
}

/** Rejects when the app's signal is aborted. */
function abortion(signal: AbortSignal | undefined, ended: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    signal?.addEventListener('abort', () => reject(signal.reason), { signal: ended });
  });
}
