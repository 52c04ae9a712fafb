import { LRUCache } from 'lru-cache';
import { apply, contentOf, NOTHING, treeOf, type CampaignContent } from '../../core/stream/apply.ts';
import { nextTail } from '../../core/stream/hash-chain.ts';
import type { Head, SealedEntry } from '../../core/stream/log-record.ts';
import type { LiveCampaign } from '../campaign/live-campaign.ts';
import type { Archive, CampaignCommit, PendingEntries } from '../ports.ts';

export interface CommitContentsOptions {
  archive: Pick<Archive, 'load'>;
  /**
   * The campaigns in memory. Their content is used where its tail is that of the last entry to be committed, which
   * proves that it is the same (G6). It only saves a read and a fold; `undefined` is always right.
   */
  hosting: { peek(campaignId: string): HeldInMemory | undefined };
}

/** What the archiver takes from a campaign in memory. */
export interface HeldInMemory {
  readonly live: Pick<LiveCampaign, 'head' | 'content' | 'documentBytes' | 'unsaved'>;
}

/** The checkpoints that are committed with entries: the content that these lead to. */
export interface CommitContents {
  /** The commit of a campaign's pending entries; or the archive's head, where they do not follow it. */
  prepare(pending: PendingEntries): Promise<PreparedCommit>;
  /** A commit has succeeded: the next one is folded from its content. */
  onCommitted(commit: CampaignCommit): void;
  /** Clears what is known of the archive's content of a campaign. */
  clear(campaignId: string): void;
}

export type PreparedCommit =
  | { kind: 'commit'; commit: CampaignCommit }
  | { kind: 'conflict'; archived: Head | undefined };

/** The archive's content of a campaign after this instance's last commit. */
interface Checkpoint {
  epoch: string;
  version: number;
  content: CampaignContent;
}

/** Campaigns whose last checkpoint is kept. */
const CACHED_CHECKPOINTS = 256;

/**
 * Takes each content from where it costs least: from the campaign in memory, else folded from the last commit, else
 * folded from what the archive holds.
 */
export function createCommitContents({ archive, hosting }: CommitContentsOptions): CommitContents {
  const checkpoints = new LRUCache<string, Checkpoint>({ max: CACHED_CHECKPOINTS });

  return {
    async prepare({ campaignId, entries }) {
      const [first, last] = [entries[0], entries.at(-1)];
      if (!first || !last) throw new Error(`${campaignId}: nothing is pending`);
      const expected = { epoch: first.record.epoch, version: first.record.version - 1 };
      const { epoch, version } = expected;
      const commitOf = (content: CampaignContent): PreparedCommit => ({
        kind: 'commit',
        commit: { campaignId, expected, entries, state: treeOf(content), archivedAt: content.archivedAt },
      });
      const live = hosting.peek(campaignId)?.live;
      if (live?.head.tail === last.tail) return commitOf(live.content);
      const checkpoint = checkpoints.get(campaignId);
      if (checkpoint?.epoch === epoch && checkpoint.version === version)
        return commitOf(fold(checkpoint.content, entries));
      const archived = await archive.load(campaignId, 0);
      if (archived?.head.epoch !== epoch || archived.head.version !== version)
        return { kind: 'conflict', archived: archived?.head };
      if (nextTail(archived.head.tail, first.bytes) !== first.tail)
        return { kind: 'conflict', archived: archived.head };
      return commitOf(fold(version === 0 ? NOTHING : archived, entries));
    },

    onCommitted({ campaignId, expected, entries, state, archivedAt }) {
      const version = expected.version + entries.length;
      checkpoints.set(campaignId, { epoch: expected.epoch, version, content: contentOf(state, archivedAt) });
    },

    clear(campaignId) {
      checkpoints.delete(campaignId);
    },
  };
}

/** The content after these entries. */
export function fold(base: CampaignContent, entries: readonly SealedEntry[]): CampaignContent {
  return entries.reduce((content, { record }) => apply(content, record), base);
}
