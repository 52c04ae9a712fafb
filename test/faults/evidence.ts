import type { Command, EditCommand } from '../../server/core/commands/command.ts';
import { effect } from '../../server/core/commands/effect.ts';
import { apply, NOTHING, treeOf } from '../../server/core/stream/apply.ts';
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
 * are told. One that was sent again, and by then changed nothing, because somebody else had done the same, is kept.
 */
export function lostMutations(evidence: Evidence): MutationStory[] {
  const { held, stories } = evidence;
  const kept = new Set(held.entries.map(({ entry }) => entry.mutationId));
  return stories.filter(
    (story) =>
      story.answers.some(({ receipt }) => receipt.changed) &&
      !kept.has(story.mutationId) &&
      !isWithoutEffectNow(story, evidence),
  );
}

/** Whether it was answered to change nothing where the timeline has gone on from, and truly changed nothing there. */
function isWithoutEffectNow({ answers, command }: MutationStory, { held, history }: Evidence): boolean {
  if (!command || !isEdit(command)) return false;
  return answers.some(({ receipt: { changed, epoch, version } }) => {
    if (changed || !history.survives(epoch, version)) return false;
    const until = held.entries.filter(({ entry }) => entry.version <= version);
    const content = until.reduce((before, { entry }) => apply(before, entry), NOTHING);
    return Object.keys(effect(treeOf(content), command)).length === 0;
  });
}

function isEdit(command: Command): command is EditCommand {
  return ['update', 'updateFeatures', 'updateConfig', 'batch'].includes(command.type);
}
