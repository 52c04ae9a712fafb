import type { HeldCampaign } from './held.ts';
import { createHistory, type History } from './history.ts';
import type { ClientLine, FaultLine, Journal, Line } from './journal.ts';
import { mutationStories, type MutationStory } from './mutations.ts';

/** All that is known of one campaign when everything is over. */
export interface Evidence {
  held: HeldCampaign;
  history: History;
  /** What clients did and saw there, in order. */
  lines: readonly ClientLine[];
  stories: readonly MutationStory[];
  faults: readonly FaultLine[];
  contents: Journal['contents'];
}

/** Says that a guarantee did not hold. */
export type Report = (rule: string, message: string, lines: readonly Line[]) => void;

/** Puts together what belongs to each campaign. */
export function gather(
  { lines, contents }: Pick<Journal, 'lines' | 'contents'>,
  held: readonly HeldCampaign[],
): Evidence[] {
  const faults = lines.filter((line) => line.kind === 'fault');
  const stories = Map.groupBy(mutationStories(lines), ({ campaignId }) => campaignId);
  const byCampaign = Map.groupBy(
    lines.filter((line) => line.kind !== 'fault'),
    ({ campaignId }) => campaignId,
  );
  return held.map((campaign) => ({
    held: campaign,
    history: createHistory(campaign.head, campaign.lineage),
    lines: byCampaign.get(campaign.campaignId) ?? [],
    stories: stories.get(campaign.campaignId) ?? [],
    faults,
    contents,
  }));
}

/** What the journals say of a mutation, and where its client began anew. */
export function linesAbout({ mutationId, client }: MutationStory, lines: readonly ClientLine[]): ClientLine[] {
  return lines.filter((line) =>
    'mutationId' in line ? line.mutationId === mutationId : line.kind === 'snapshot' && line.client === client,
  );
}

/**
 * Acknowledged changes that are not on the current timeline: allowed where Redis lost its data, and only if clients
 * are told.
 */
export function lostMutations({ held, stories }: Evidence): MutationStory[] {
  const kept = new Set(held.entries.map(({ entry }) => entry.mutationId));
  return stories.filter(
    ({ answers, mutationId }) => answers.some(({ receipt }) => receipt.changed) && !kept.has(mutationId),
  );
}
