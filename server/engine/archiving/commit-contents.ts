import { LRUCache } from 'lru-cache';
import { apply, NOTHING, type CampaignContent } from '../../core/stream/apply.ts';
import type { Archive, CampaignCommit, Head, PendingEntries } from '../ports.ts';

export interface CommitContentsOptions {
  archive: Pick<Archive, 'load'>;
  /**
   * The content that a campaign in memory has now. Used where its tail is the one to be committed, which proves it to
   * be the same (G6), and saves a read and a fold; never needed.
   */
  liveContent(campaignId: string): { head: Head; content: CampaignContent } | undefined;
}

/** What is committed with a campaign's entries: the content that they lead to. */
export interface CommitContents {
  /** The part that commits them; or where the archive stands, if they do not follow on it. */
  partFor(
    pending: PendingEntries,
  ): Promise<{ kind: 'part'; part: CampaignCommit } | { kind: 'elsewhere'; head: Head | undefined }>;
  /** That part is in the archive: the next one can go on from it. */
  committed(part: CampaignCommit): void;
  /** What the archive holds of it is not known any more. */
  forget(campaignId: string): void;
}

/** What the archive held of a campaign after the last commit of ours. */
interface Checkpoint {
  epoch: string;
  version: number;
  content: CampaignContent;
}

/** Checkpoints that are kept. */
const KEPT = 256;

/**
 * Finds it where it costs least: with the campaign in memory, by a fold from the last commit, and else from what the
 * archive holds.
 */
export function createCommitContents({ archive, liveContent }: CommitContentsOptions): CommitContents {
  const checkpoints = new LRUCache<string, Checkpoint>({ max: KEPT });

  return {
    async partFor({ campaignId, entries }) {
      const [first, last] = [entries[0], entries.at(-1)];
      if (!first || !last) throw new Error(`${campaignId}: nothing waits`);
      const expected = { epoch: first.record.epoch, version: first.record.version - 1 };
      const { epoch, version } = expected;
      const part = ({ state, archivedAt }: CampaignContent) => ({
        kind: 'part' as const,
        part: { campaignId, expected, entries, state, archivedAt },
      });
      const folded = (base: CampaignContent): CampaignContent =>
        entries.reduce((content, { record }) => apply(content, record), base);

      const live = liveContent(campaignId);
      if (live?.head.tail === last.tail) return part(live.content);
      const checkpoint = checkpoints.get(campaignId);
      if (checkpoint?.epoch === epoch && checkpoint.version === version) return part(folded(checkpoint.content));
      const archived = await archive.load(campaignId, 0);
      if (archived?.head.epoch !== epoch || archived.head.version !== version)
        return { kind: 'elsewhere', head: archived?.head };
      return part(folded(version === 0 ? NOTHING : archived));
    },

    committed({ campaignId, expected, entries, state, archivedAt }) {
      const version = expected.version + entries.length;
      checkpoints.set(campaignId, { epoch: expected.epoch, version, content: { state, archivedAt } });
    },

    forget(campaignId) {
      checkpoints.delete(campaignId);
    },
  };
}
