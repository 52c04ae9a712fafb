import type { HeldCampaign } from './held.ts';
import { createHistory, type History } from './history.ts';
import type { ClientLine, FaultLine, Journal, Line } from './journal.ts';
import { mutationStories, type MutationStory } from './mutations.ts';
import { checkContents } from './check-contents.ts';
import { checkDurability } from './check-durability.ts';
import { checkMutations } from './check-mutations.ts';
import { checkStreams } from './check-streams.ts';

/** A guarantee that did not hold, with what the journals say of it. */
export interface Violation {
  rule: string;
  message: string;
  lines: Line[];
}

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

export type Report = (rule: string, message: string, lines: readonly Line[]) => void;

/** Reads every journal and Postgres, and says which guarantees did not hold. Pure. */
export function check({ lines, contents }: Pick<Journal, 'lines' | 'contents'>, held: readonly HeldCampaign[]): Violation[] {
  const violations: Violation[] = [];
  const report: Report = (rule, message, about) => void violations.push({ rule, message, lines: [...about] });
  for (const evidence of gather({ lines, contents }, held)) {
    checkStreams(evidence, report);
    checkContents(evidence, report);
    checkMutations(evidence, report);
    checkDurability(evidence, report);
  }
  return violations;
}

export function gather({ lines, contents }: Pick<Journal, 'lines' | 'contents'>, held: readonly HeldCampaign[]): Evidence[] {
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

/** Acknowledged changes that are not in the surviving history: allowed where Redis lost its data, and only if that is told. */
export function lostMutations({ held, stories }: Evidence): MutationStory[] {
  const kept = new Set(held.entries.map(({ entry }) => entry.mutationId));
  return stories.filter(({ answers, mutationId }) => answers.some(({ receipt }) => receipt.changed) && !kept.has(mutationId));
}
