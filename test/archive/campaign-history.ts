import type { LogRecord, SealedEntry } from '../../server/core/stream/log-record.ts';
import { apply, NOTHING, type CampaignContent } from '../../server/core/stream/apply.ts';
import type { EntryType } from '../../server/core/stream/entry.ts';
import type { JsonObject } from '../../server/core/json.ts';
import type { Archive, CampaignCommit } from '../../server/engine/ports.ts';
import { FIRST_TAIL, seal } from '../../server/core/stream/hash-chain.ts';

/** A campaign as a log would make it: sealed entries, one after the other, and what they add up to. */
export interface CampaignHistory {
  readonly campaignId: string;
  epoch: string;
  readonly entries: SealedEntry[];
  /** The content after each version; index 0 is before the first. */
  readonly contents: CampaignContent[];
  /** Appends one entry, without committing it. */
  add(change: JsonObject, details?: Partial<LogRecord>): SealedEntry;
  /** The part that commits every entry after that version. */
  commitAfter(version: number): CampaignCommit;
  /** Creates it in the archive from its first entry. */
  createIn(archive: Archive): Promise<boolean>;
}

/**
 * A history with version 1, which creates `state`. Ids, tokens and times follow from the campaign's id and the version.
 */
export function campaignHistory(
  campaignId: string,
  state: JsonObject = { slug: campaignId, title: `Title of ${campaignId}` },
): CampaignHistory {
  const entries: SealedEntry[] = [];
  const contents: CampaignContent[] = [NOTHING];
  const history: CampaignHistory = {
    campaignId,
    epoch: `first-${campaignId}`,
    entries,
    contents,
    add(change, details = {}) {
      const version = entries.length + 1;
      const record: LogRecord = {
        version,
        type: 'update',
        change,
        actor: { id: `actor-${version}`, role: 'editor' },
        mutationId: `${campaignId}-mutation-${version}`,
        correlationId: `${campaignId}-correlation-${version}`,
        at: 1_700_000_000_000 + version,
        format: 1,
        epoch: history.epoch,
        command: { type: 'update', updates: change },
        fingerprint: `print-${version}`,
        ...details,
      };
      const sealed = seal(record, entries.at(-1)?.tail ?? FIRST_TAIL);
      entries.push(sealed);
      contents.push(apply(contents.at(-1) ?? NOTHING, record));
      return sealed;
    },
    commitAfter(version) {
      const content = contents.at(-1) ?? NOTHING;
      return {
        campaignId,
        expected: { epoch: history.epoch, version },
        entries: entries.slice(version),
        state: content.state,
        archivedAt: content.archivedAt,
      };
    },
    async createIn(archive) {
      const [first] = entries;
      const content = contents[1];
      if (!first || !content) throw new Error('A history begins with its first entry.');
      return await archive.create(campaignId, first, content.state);
    },
  };
  const type: EntryType = 'create';
  history.add(state, { type, command: { type } });
  return history;
}

/** One of them, where there is one. */
export function part<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new Error(`There is no item ${index}.`);
  return item;
}
