import { asCampaign, type CampaignState } from '../../../server/core/document/campaign.ts';
import { parsePosition } from '../../../server/core/stream/position.ts';
import { toCampaignError } from '../errors.ts';
import { documentOf, type Mirror } from './mirror.ts';
import type { CampaignClient } from '../types.ts';

/** A campaign as it was at one position, as plain JSON: made where a page is rendered, used where it is shown. */
export interface CampaignSeed {
  readonly campaignId: string;
  /** Whether it was read as the server's default campaign. */
  readonly isDefault: boolean;
  readonly epoch: string;
  readonly version: number;
  readonly durableVersion: number;
  /** Epoch milliseconds; missing unless it was archived. */
  readonly archivedAt?: number;
  readonly state: CampaignState;
}

/**
 * Reads a campaign once, on a server that renders pages. The client that gets it as a seed shows it at once, and its
 * stream continues from there, without fetching it a second time.
 *
 * @param campaignId Default: the server's default campaign.
 * @throws CampaignError `NOT_FOUND`, `FORBIDDEN`, `UNAUTHORIZED`, or `UNAVAILABLE` where no answer came.
 * @example
 * const seed = await prefetchCampaign(client, 'spring');            // where the page is rendered
 * const client = createCampaignClient({ url, seeds: [seed] });       // there, and again in the browser
 */
export async function prefetchCampaign(client: CampaignClient, campaignId?: string): Promise<CampaignSeed> {
  try {
    const id = campaignId ?? (await client.trpc.system.info.query()).defaultCampaignId ?? '';
    const { epoch, version, durableVersion, archivedAt, state } = await client.trpc.campaign.get.query({
      campaignId: id,
    });
    const archived = archivedAt !== undefined && { archivedAt };
    return { campaignId: id, isDefault: campaignId === undefined, epoch, version, durableVersion, ...archived, state };
  } catch (thrown) {
    throw toCampaignError(thrown);
  }
}

/** The mirror of a seed; `undefined` for an invalid one: it may come from a page of another version. */
export function mirrorOf(seed: CampaignSeed): Mirror | undefined {
  const { epoch, version, durableVersion, archivedAt, state } = seed;
  if (!parsePosition(`${epoch}:${version}`)) return undefined;
  return { epoch, version, durableVersion, content: { state: documentOf(state), archivedAt }, recent: [] };
}

/** The seed of a mirror. */
export function seedOf(campaignId: string, { epoch, version, durableVersion, content }: Mirror): CampaignSeed {
  const archived = content.archivedAt !== undefined && { archivedAt: content.archivedAt };
  return {
    campaignId,
    isDefault: false,
    epoch,
    version,
    durableVersion,
    ...archived,
    state: asCampaign(content.state),
  };
}
