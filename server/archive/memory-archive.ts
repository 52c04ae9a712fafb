import type { JsonObject } from '../core/json.ts';
import { LIMITS } from '../core/limits.ts';
import { mergePatch } from '../core/document/merge-patch.ts';
import type { Fork } from '../core/stream/position.ts';
import { upToBytes } from '../core/stream/up-to-bytes.ts';
import type {
  Archive,
  ArchivedCampaign,
  CampaignCommit,
  CampaignSummary,
  CommitOutcome,
  Head,
  LogMembership,
  SealedEntry,
} from '../engine/ports.ts';
import { lastEntry, listed, toSealedEntry } from './sql/columns.ts';
import { ArchiveError } from './errors.ts';

/** What is kept of one campaign, as text: nobody can change it through an object that they still hold. */
interface StoredCampaign {
  head: Head;
  state: string;
  archivedAt: number | undefined;
  updatedAt: number;
  updatedBy: string;
  lineage: Fork[];
  /** The version of the first entry that is kept, and the state before it. */
  firstVersion: number;
  stateBefore: string;
  entries: { bytes: string; tail: string }[];
  byMutation: Map<string, number>;
  membership: LogMembership;
}

/** The disk of a memory archive: outlives it, so that restarts and crashes can be played. */
export interface MemoryStore {
  readonly campaigns: Map<string, StoredCampaign>;
}

export function createMemoryStore(): MemoryStore {
  return { campaigns: new Map() };
}

export interface MemoryArchiveOptions {
  /** Default: an empty one. */
  store?: MemoryStore;
  /**
   * Whether nobody else uses the store: a clean stop then frees the seats that were taken through this archive. Default
   * true.
   */
  soleUser?: boolean;
  /** How many entries stay of each campaign, where memory is all there is. Default: all. */
  keepEntries?: number;
}

/** The archive's twin in memory: the same answers, at once and always in the same way. For tests and simulations. */
export function createMemoryArchive(options: MemoryArchiveOptions = {}): Archive {
  const { store = createMemoryStore(), soleUser = true, keepEntries = Number.POSITIVE_INFINITY } = options;
  /** LogMemberships taken through the archive of a sole user, by campaign, with their generation. */
  const taken = new Map<string, number>();
  let stopped = false;

  /** Every call in one turn, as one transaction; what it throws becomes a rejection. */
  const call = <T>(answer: () => T): Promise<T> =>
    new Promise((resolve) => {
      if (stopped) throw new ArchiveError('stopped', 'The archive has been stopped.');
      resolve(answer());
    });

  /** The campaign, if it stands where it is expected. */
  const held = (campaignId: string, expected: { epoch: string; version: number }): StoredCampaign | undefined => {
    const campaign = store.campaigns.get(campaignId);
    return campaign?.head.epoch === expected.epoch && campaign.head.version === expected.version ? campaign : undefined;
  };

  const leave = (campaignId: string, generation: number): void => {
    const campaign = store.campaigns.get(campaignId);
    if (campaign?.membership.generation === generation) campaign.membership = { generation, active: false };
  };

  const append = (campaign: StoredCampaign, { record, bytes, tail }: SealedEntry): void => {
    campaign.entries.push({ bytes, tail });
    // The first one keeps it: only a client that lies about its base brings an id twice.
    if (!campaign.byMutation.has(record.mutationId)) campaign.byMutation.set(record.mutationId, record.version);
    campaign.head = { ...campaign.head, version: record.version, tail };
    campaign.updatedAt = record.at;
    campaign.updatedBy = record.actor.id;
  };

  /** Lets go of the oldest half of what is too much, so that it need not be done at every commit. */
  const compact = (campaign: StoredCampaign): void => {
    if (campaign.entries.length <= keepEntries * 2) return;
    const old = campaign.entries.splice(0, campaign.entries.length - keepEntries).map(toSealedEntry);
    for (const { record } of old)
      if (campaign.byMutation.get(record.mutationId) === record.version) campaign.byMutation.delete(record.mutationId);
    campaign.stateBefore = JSON.stringify(fold(JSON.parse(campaign.stateBefore), old));
    campaign.firstVersion += old.length;
  };

  const commitPart = (part: CampaignCommit): CommitOutcome => {
    const { campaignId, expected } = part;
    const campaign = held(campaignId, expected);
    if (!campaign) {
      const head = store.campaigns.get(campaignId)?.head;
      return { campaignId, kind: 'conflict', head: head && { ...head } };
    }
    for (const entry of part.entries) append(campaign, entry);
    compact(campaign);
    if (part.entries.length > 0) {
      campaign.state = JSON.stringify(part.state);
      campaign.archivedAt = part.archivedAt;
    }
    return { campaignId, kind: 'committed' };
  };

  return {
    load: (campaignId, recent) =>
      call((): ArchivedCampaign | undefined => {
        const campaign = store.campaigns.get(campaignId);
        if (!campaign) return undefined;
        return {
          head: { ...campaign.head },
          state: JSON.parse(campaign.state),
          archivedAt: campaign.archivedAt,
          updatedAt: campaign.updatedAt,
          updatedBy: campaign.updatedBy,
          lineage: campaign.lineage.map((step) => ({ ...step })),
          membership: { ...campaign.membership },
          recent: newest(campaign.entries, recent).reverse().map(toSealedEntry),
        };
      }),

    create: (campaignId, first, state) =>
      call(() => {
        if (store.campaigns.has(campaignId)) return false;
        const { epoch, at, actor } = first.record;
        const campaign: StoredCampaign = {
          head: { epoch, version: 0, tail: '' },
          state: JSON.stringify(state),
          archivedAt: undefined,
          updatedAt: at,
          updatedBy: actor.id,
          lineage: [],
          firstVersion: 1,
          stateBefore: '{}',
          entries: [],
          byMutation: new Map(),
          membership: { generation: 0, active: false },
        };
        append(campaign, first);
        store.campaigns.set(campaignId, campaign);
        return true;
      }),

    commit: (parts) =>
      call(() => {
        // Before anything is changed: what is refused refuses the whole commit, as in a transaction.
        for (const part of parts) lastEntry(part);
        return parts.map(commitPart);
      }),

    enterLog: (campaignId, expected, epoch) =>
      call(() => {
        const campaign = held(campaignId, expected);
        if (campaign?.membership.generation !== expected.generation) return false;
        if (epoch !== undefined) {
          campaign.lineage.push({ epoch, parent: expected.epoch, fromVersion: expected.version });
          campaign.head = { ...campaign.head, epoch };
        }
        campaign.membership = { generation: expected.generation + 1, active: true };
        if (soleUser) taken.set(campaignId, campaign.membership.generation);
        return true;
      }),

    leaveLog: (campaignId, generation) =>
      call(() => {
        leave(campaignId, generation);
        if (taken.get(campaignId) === generation) taken.delete(campaignId);
      }),

    heads: (campaignIds) =>
      call(() =>
        campaignIds.flatMap((campaignId) => {
          const campaign = store.campaigns.get(campaignId);
          return campaign ? [{ campaignId, head: { ...campaign.head } }] : [];
        }),
      ),

    findMutation: (campaignId, mutationId) =>
      call(() => {
        const campaign = store.campaigns.get(campaignId);
        const version = campaign?.byMutation.get(mutationId);
        const entry = version === undefined ? undefined : campaign?.entries[version - campaign.firstVersion];
        return { entry: entry && toSealedEntry(entry), knownFrom: entry || !campaign ? 1 : campaign.firstVersion };
      }),

    history: (campaignId, before, limit) =>
      call(() => {
        const campaign = store.campaigns.get(campaignId);
        if (!campaign) return [];
        const { entries, firstVersion, head } = campaign;
        const end = Math.max(0, Math.min(before ?? head.version + 1, head.version + 1) - firstVersion);
        return newest(entries.slice(0, end), limit).map(toSealedEntry);
      }),

    stateAt: (campaignId, version) =>
      call(() => {
        const campaign = store.campaigns.get(campaignId);
        if (!campaign || version < campaign.firstVersion || version > campaign.head.version) return undefined;
        const { entries, firstVersion, stateBefore } = campaign;
        return fold(JSON.parse(stateBefore), entries.slice(0, version - firstVersion + 1).map(toSealedEntry));
      }),

    list: ({ cursor, limit, status, ids, publishedOnly }) =>
      call(() => {
        const wanted = ids && new Set(ids);
        return [...store.campaigns]
          .filter(([id]) => (cursor === undefined || id > cursor) && (wanted === undefined || wanted.has(id)))
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([id, campaign]) => toSummary(id, campaign))
          .filter(
            (row) =>
              (status === undefined || row.status === status) && (publishedOnly !== true || row.status !== 'draft'),
          )
          .slice(0, limit);
      }),

    ping: () => call(() => undefined),

    stop: ({ clean }) => {
      if (!stopped && clean) {
        for (const [campaignId, generation] of taken) leave(campaignId, generation);
      }
      stopped = true;
      return Promise.resolve();
    },
  };
}

/** The newest of these, newest first, as far as number and bytes go. */
function newest(entries: StoredCampaign['entries'], limit: number): StoredCampaign['entries'] {
  const last = entries.slice(Math.max(0, entries.length - limit)).reverse();
  return upToBytes(last, LIMITS.pageBytes, ({ bytes }) => Buffer.byteLength(bytes));
}

function fold(state: JsonObject, entries: readonly SealedEntry[]): JsonObject {
  return entries.reduce((folded, { record }) => mergePatch(folded, record.change), state);
}

function toSummary(campaignId: string, campaign: StoredCampaign): CampaignSummary {
  const { archivedAt, updatedAt, updatedBy, head } = campaign;
  const row = { campaignId, ...listed(JSON.parse(campaign.state)), version: head.version, updatedAt, updatedBy };
  return archivedAt === undefined ? row : { ...row, archivedAt };
}
