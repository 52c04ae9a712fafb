import type { CampaignState } from '../../../server/core/document/campaign.ts';
import type { Assignments } from '../../../server/core/targeting/evaluate.ts';
import { parsePosition } from '../../../server/core/stream/position.ts';
import { frozenCopy } from '../frozen.ts';
import { documentOf, type Mirror } from './mirror.ts';

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
  /** What the viewer was told of the rules. */
  readonly assignments?: Assignments;
}

/** The mirror of a seed; `undefined` for an invalid one: it may come from a page of another version. */
export function mirrorOf(seed: CampaignSeed): Mirror | undefined {
  const { epoch, version, durableVersion, archivedAt, state, assignments } = seed;
  if (!parsePosition(`${epoch}:${version}`)) return undefined;
  const content = { state: frozenCopy(documentOf(state)), archivedAt };
  return { epoch, version, durableVersion, content, recent: [], assignments };
}
