import type { Viewer } from '../../server/core/document/targeting-fields.ts';
import type { CampaignSeed } from './sync/seed.ts';
import type { CampaignClient } from './types.ts';
import type { WaitOptions } from './within.ts';

/** Options of {@link prefetchCampaign}: `signal` can be that of the request that is being answered. */
export interface PrefetchOptions extends WaitOptions {
  /** After how long it is given up, in milliseconds. Default 10,000. */
  readonly timeout?: number | undefined;
  /** Who will look, so that the page is rendered with the arms of that viewer. Default: the client's. */
  readonly viewer?: Viewer | undefined;
}

/**
 * Reads a campaign once, on a server that renders pages. The client that gets it as a seed shows it at once, and its
 * stream continues from there, without fetching it a second time.
 *
 * @param campaignId Default: the server's default campaign; the options may stand in its place.
 * @throws CampaignError `NOT_FOUND`, `FORBIDDEN`, `UNAUTHORIZED`, or `UNAVAILABLE` where no answer came within the
 *   timeout, with the connection's failure as its cause. Where it is aborted, it throws `signal.reason`.
 * @example
 * const seed = await prefetchCampaign(client, 'spring', { timeout: 2_000 }); // where the page is rendered
 * const client = createCampaignClient({ url, seeds: [seed] });                // there, and again in the browser
 */
export async function prefetchCampaign(
  client: CampaignClient,
  campaignId?: string | PrefetchOptions,
  options: PrefetchOptions = {},
): Promise<CampaignSeed> {
  // Its code is loaded where pages are rendered, and not with each page.
  const { readOnce } = await import('./read-once.ts');
  return typeof campaignId === 'object'
    ? readOnce(client, undefined, campaignId)
    : readOnce(client, campaignId, options);
}
