import { linesAbout, type Evidence, type Report } from './evidence.ts';
import type { HeldCampaign } from './held.ts';
import type { ClientLine } from './journal.ts';
import { isLateCopy, type MutationStory } from './mutations.ts';

/** A mutation at the version that an answer gave it. */
interface Placed {
  story: MutationStory;
  version: number;
  answeredAt: number;
}

/** G7: a mutation answered before another was sent comes before it, and one client's changes keep their order. */
export function checkOrder(evidence: Evidence, report: Report): void {
  const { held, lines } = evidence;
  const about = (...stories: MutationStory[]): ClientLine[] => stories.flatMap((story) => linesAbout(story, lines));

  for (const placed of placedByEpoch(evidence)) {
    for (const [first, second] of overtaken(placed)) {
      const what = `${second.mutationId} was sent after ${first.mutationId} was answered, and stands before it on ${held.campaignId}`;
      report('G7', what, about(first, second));
    }
  }
  for (const [first, second] of swapped(evidence)) {
    const what = `${first.client} made ${first.mutationId} before ${second.mutationId}, and ${held.campaignId} has them the other way round`;
    report('G7', what, about(first, second));
  }
}

/** In each epoch, the changes that it was told to hold, with the time of the first answer that said so. */
function placedByEpoch({ stories }: Evidence): Placed[][] {
  const byEpoch = new Map<string, Map<string, Placed>>();
  for (const story of stories) {
    for (const { at, receipt } of story.answers) {
      if (!receipt.changed) continue;
      const placed = byEpoch.get(receipt.epoch) ?? new Map<string, Placed>();
      byEpoch.set(receipt.epoch, placed);
      const key = `${story.mutationId} ${receipt.version}`;
      if (!placed.has(key)) placed.set(key, { story, version: receipt.version, answeredAt: at });
    }
  }
  return [...byEpoch.values()].map((placed) => [...placed.values()]);
}

function overtaken(placed: readonly Placed[]): [MutationStory, MutationStory][] {
  const found: [MutationStory, MutationStory][] = [];
  const answered = placed.toSorted((a, b) => a.answeredAt - b.answeredAt);
  let next = 0;
  let newest: Placed | undefined;
  for (const item of placed.toSorted((a, b) => a.story.sentAt - b.story.sentAt)) {
    for (let before = answered[next]; before && before.answeredAt < item.story.sentAt; before = answered[(next += 1)]) {
      if (!newest || before.version > newest.version) newest = before;
    }
    if (newest && newest.version >= item.version && newest.story !== item.story) found.push([newest.story, item.story]);
  }
  return found;
}

/**
 * Whether an entry only takes the id of a mutation that had no effect, so that no copy of it has one later: it has no
 * place in the order. Where the first answer was lost, the next one names it as if it had been applied.
 */
function isTombstone({ type, change }: HeldCampaign['entries'][number]['entry']): boolean {
  return type !== 'archive' && type !== 'restore' && Object.keys(change).length === 0;
}

/**
 * Only what is in the history in the end counts. The stock client's retries are its own affair, while the SDK keeps the
 * order over them. What had no effect leaves no trace: a copy of it that the network delivers after that answer may
 * have one, and stands where it arrived.
 */
function swapped({ held, stories }: Evidence): [MutationStory, MutationStory][] {
  const found: [MutationStory, MutationStory][] = [];
  const versions = new Map(
    held.entries.flatMap(({ entry }) => (isTombstone(entry) ? [] : [[entry.mutationId, entry.version] as const])),
  );
  for (const [client, own] of Map.groupBy(stories, (story) => story.client)) {
    let before: { story: MutationStory; version: number } | undefined;
    for (const story of own) {
      const version = versions.get(story.mutationId);
      if (version === undefined || (!client.startsWith('sdk') && !story.once) || isLateCopy(story)) continue;
      if (before && before.version > version) found.push([before.story, story]);
      before = { story, version };
    }
  }
  return found;
}
