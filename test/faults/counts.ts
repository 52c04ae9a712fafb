import { gather, lostMutations } from './evidence.ts';
import type { HeldCampaign } from './held.ts';
import type { Journal } from './journal.ts';
import { isLateCopy } from './mutations.ts';

/** The figures of a run. */
export interface Counts {
  sent: number;
  accepted: number;
  unchanged: number;
  refused: number;
  durable: number;
  entries: number;
  epochs: number;
  /** Answered to be without effect, and applied later by a copy that the network had held back. */
  lateCopies: number;
  lostWithReport: number;
  namedInResets: number;
  eventsSeen: number;
  entriesSeen: number;
  snapshots: Record<string, number>;
}

export function countAll(journal: Pick<Journal, 'lines' | 'contents'>, held: readonly HeldCampaign[]): Counts {
  const evidence = gather(journal, held);
  const stories = evidence.flatMap((campaign) => campaign.stories);
  const lines = evidence.flatMap((campaign) => campaign.lines);
  const changed = stories.filter(({ answers }) => answers.some(({ receipt }) => receipt.changed));
  const snapshots = Map.groupBy(
    lines.filter((line) => line.kind === 'snapshot'),
    ({ reason }) => reason,
  );
  const entryEvents = lines.filter((line) => line.kind === 'entries');
  return {
    sent: stories.length,
    accepted: changed.length,
    unchanged: stories.filter(({ answers }) => answers.length > 0).length - changed.length,
    refused: stories.filter(({ answers, refused }) => refused !== undefined && answers.length === 0).length,
    durable: changed.filter(({ answers }) => answers.some(({ receipt }) => receipt.durability === 'durable')).length,
    entries: held.reduce((sum, { entries }) => sum + entries.length, 0),
    epochs: held.reduce((sum, { lineage }) => sum + lineage.length, 0),
    lateCopies: evidence.reduce((sum, { held: { entries }, stories: own }) => {
      const kept = new Set(entries.map(({ entry }) => entry.mutationId));
      return sum + own.filter((story) => kept.has(story.mutationId) && isLateCopy(story)).length;
    }, 0),
    lostWithReport: evidence.reduce((sum, campaign) => sum + lostMutations(campaign).length, 0),
    namedInResets: new Set(lines.flatMap((line) => (line.kind === 'snapshot' ? (line.lost ?? []) : []))).size,
    eventsSeen: lines.filter(({ kind }) => kind === 'snapshot' || kind === 'entries' || kind === 'watermark').length,
    entriesSeen: entryEvents.reduce((sum, { entries }) => sum + entries.length, 0),
    snapshots: Object.fromEntries([...snapshots].map(([reason, list]) => [reason, list.length])),
  };
}
