import { lostMutations, type Evidence, type Report } from './checker.ts';
import type { ClientLine } from './journal.ts';
import { isLateCopy, type MutationStory } from './mutations.ts';

/** G3, G5, G7: what became of each mutation, and in which order. */
export function checkMutations(evidence: Evidence, report: Report): void {
  const { held, history, lines, stories, contents } = evidence;
  const { campaignId } = held;
  const about = ({ mutationId, client }: MutationStory): ClientLine[] =>
    lines.filter((line) => ('mutationId' in line ? line.mutationId === mutationId : line.kind === 'snapshot' && line.client === client));
  const versions = new Map(held.entries.map(({ entry }) => [entry.mutationId, entry.version]));

  /** Where each id was seen: by whom does not matter. */
  const places = new Map<string, Set<string>>();
  const place = (mutationId: string, epoch: string | undefined, version: number): void => {
    const set = places.get(mutationId) ?? new Set();
    places.set(mutationId, set.add(`${epoch}:${version}`));
  };
  for (const { entry, epoch } of held.entries) place(entry.mutationId, epoch, entry.version);
  for (const line of lines) {
    if (line.kind !== 'entries') continue;
    for (const { version, digest } of line.entries) {
      const entry = contents.get(digest);
      if (entry) place(entry.mutationId, history.owner(line.epoch, version), version);
    }
  }
  for (const [mutationId, seen] of places) {
    const epochs = [...seen].map((position) => position.split(':')[0]);
    if (new Set(epochs).size === epochs.length) continue;
    const own = stories.find((story) => story.mutationId === mutationId);
    report('G3', `${mutationId} was applied twice in one epoch of ${campaignId}: ${[...seen].join(', ')}`, own ? about(own) : []);
  }

  for (const story of stories) {
    const { mutationId, answers, refused, client } = story;
    const version = versions.get(mutationId);
    if (answers.length === 0 && refused === undefined) report('G5', `${mutationId} on ${campaignId} was never answered`, about(story));
    if (refused !== undefined && answers.length === 0 && version !== undefined) {
      report('G3', `${mutationId} on ${campaignId} was refused for good (${refused}) and is version ${version}`, about(story));
    }
    for (const { receipt } of answers) {
      if (!receipt.changed || !history.survives(receipt.epoch, receipt.version)) continue;
      if (version !== receipt.version) {
        report('G3', `${client} was told that ${mutationId} is ${receipt.position} of ${campaignId}; there is another change`, about(story));
      }
    }
  }

  checkLost(evidence, report, about);
  checkOrder(evidence, report, about, versions);
}

function checkLost(evidence: Evidence, report: Report, about: (story: MutationStory) => ClientLine[]): void {
  const { held, lines, faults } = evidence;
  const disowned = new Set(lines.flatMap((line) => (line.kind === 'disowned' && line.reason === 'NOT_FOUND' ? [line.mutationId] : [])));
  for (const story of lostMutations(evidence)) {
    const { mutationId, answers, client } = story;
    const acknowledgedAt = Math.min(...answers.map(({ at }) => at));
    const what = `${mutationId} of ${client} on ${held.campaignId} was acknowledged and is gone`;
    if (client.startsWith('sdk')) report('G5', `${what}, though its client lives`, about(story));
    else if (!faults.some(({ losesLog, phase, at }) => losesLog && phase === 'ends' && at >= acknowledgedAt)) {
      report('G5', `${what}, though Redis has lost nothing since`, about(story));
    } else if (!disowned.has(mutationId)) report('G5', `${what}, and its position is not disowned`, about(story));
  }
}

/**
 * Whoever was answered before another one sent stands before it; and one client's changes keep their order. What had no effect leaves no
 * trace: a copy of it that the network delivers after that answer may have one, and stands where it arrived.
 */
function checkOrder({ held, stories }: Evidence, report: Report, about: (story: MutationStory) => ClientLine[], versions: ReadonlyMap<string, number>): void {
  const byEpoch = new Map<string, { story: MutationStory; version: number; answeredAt: number }[]>();
  for (const story of stories) {
    const positions = new Map(story.answers.toReversed().map(({ at, receipt }) => [receipt.changed ? receipt.position : '', { at, receipt }]));
    for (const [position, { at, receipt }] of positions) {
      if (position === '') continue;
      const list = byEpoch.get(receipt.epoch) ?? [];
      byEpoch.set(receipt.epoch, list);
      list.push({ story, version: receipt.version, answeredAt: at });
    }
  }
  for (const list of byEpoch.values()) {
    const answered = list.toSorted((a, b) => a.answeredAt - b.answeredAt);
    let next = 0;
    let newest: (typeof list)[number] | undefined;
    for (const item of list.toSorted((a, b) => a.story.sentAt - b.story.sentAt)) {
      for (let before = answered[next]; before && before.answeredAt < item.story.sentAt; before = answered[(next += 1)]) {
        if (!newest || before.version > newest.version) newest = before;
      }
      if (newest && newest.version >= item.version && newest.story !== item.story) {
        report('G7', `${item.story.mutationId} was sent after ${newest.story.mutationId} was answered, and stands before it on ${held.campaignId}`, [...about(newest.story), ...about(item.story)]);
      }
    }
  }
  for (const [client, own] of Map.groupBy(stories, (story) => story.client)) {
    let before: MutationStory | undefined;
    for (const story of own) {
      const version = versions.get(story.mutationId);
      // The stock client's retries are its own affair; the SDK keeps the order over them.
      if (version === undefined || (!client.startsWith('sdk') && !story.once) || isLateCopy(story)) continue;
      if (before && (versions.get(before.mutationId) ?? 0) > version) report('G7', `${client} made ${before.mutationId} before ${story.mutationId}, and ${held.campaignId} has them the other way round`, [...about(before), ...about(story)]);
      before = story;
    }
  }
}
