import { deletionEvent, type Deletion } from '../core/deletion.ts';
import type { KeyedArchive } from './keyed-archive.ts';
import { nextTail } from '../core/stream/hash-chain.ts';
import type { Head, SealedEntry } from '../core/stream/log-record.ts';
import type { JsonObject } from '../core/json.ts';
import { LIMITS, upToBytes } from '../core/limits.ts';
import { compareListed, passesFilter } from '../core/stream/list-query.ts';
import { jsonText } from '../core/document/document-tree.ts';
import { mergePatches } from '../core/document/merge-patch.ts';
import type { Fork } from '../core/stream/position.ts';
import type {
  ArchivedCampaign,
  CampaignCommit,
  CampaignSummary,
  CommitOutcome,
  CountQuery,
  LogMembership,
} from '../engine/ports.ts';
import { lastContiguousEntry, toListColumns, toSealedEntry } from './sql/columns.ts';
import { ArchiveError } from './errors.ts';
import { createMemoryAnalytics, dropAnalytics, emptyAnalytics, type MemoryAnalytics } from './memory-analytics.ts';
import { createMemoryHeldPlaces, dropHeldPlaces, noHeldPlaces, type MemoryHeldPlaces } from './memory-held-places.ts';
import { appendAuditEvents, createMemoryAudit, type MemoryAudit } from './memory-audit.ts';
import { baseAt, beginAt, createMemoryCompaction, type MemoryClaim } from './memory-compaction.ts';
import { createMemoryHistories, type MemorySchedule, type StagedRestore } from './memory-histories.ts';
import { createMemoryKeyStore, type MemoryKeyStore } from '../access/memory-key-store.ts';
import type { HistoryKeep } from '../core/compaction-store.ts';
import type { HistoryBase } from '../core/history-store.ts';

/** One campaign as it is stored: as text, so that no caller can change it through an object that it still holds. */
export interface StoredCampaign {
  head: Head;
  state: string;
  createdAt: number;
  archivedAt: number | undefined;
  updatedAt: number;
  updatedBy: string;
  lineage: Fork[];
  /** The version of the oldest entry that is kept, and the state before it. */
  firstVersion: number;
  stateBefore: string;
  /** What else the entries before it have led to, where there were any. */
  base: Omit<HistoryBase, 'state'> | undefined;
  entries: { bytes: string; tail: string }[];
  byMutation: Map<string, number>;
  membership: LogMembership;
}

/** The storage of a memory archive. It outlives the archive, so that restarts and crashes can be simulated. */
export interface MemoryStore {
  readonly campaigns: Map<string, StoredCampaign>;
  readonly accessKeys: MemoryKeyStore;
  readonly restores: Map<string, StagedRestore>;
  readonly schedule: MemorySchedule;
  readonly deletions: MemoryDeletion[];
  readonly compaction: MemoryClaim;
  /** What is kept of single histories. */
  readonly keeps: Map<string, HistoryKeep>;
  readonly audit: MemoryAudit;
  readonly analytics: MemoryAnalytics;
  readonly heldPlaces: MemoryHeldPlaces;
}

/** An empty storage. */
export function createMemoryStore(): MemoryStore {
  const campaigns = new Map<string, StoredCampaign>();
  return {
    campaigns,
    accessKeys: createMemoryKeyStore((campaignId) => campaigns.has(campaignId)),
    restores: new Map(),
    schedule: { holder: undefined, heldUntil: 0, run: undefined },
    deletions: [],
    compaction: { holder: undefined, heldUntil: 0 },
    keeps: new Map(),
    audit: { events: [], statements: [], signed: new Map(), redactions: [], lastOrdinal: 0 },
    analytics: emptyAnalytics(),
    heldPlaces: noHeldPlaces(),
  };
}

/** A campaign that was deleted. */
export interface MemoryDeletion {
  readonly deletion: Deletion;
  complete: boolean;
}

export interface MemoryArchiveOptions {
  /** Default: an empty one. */
  readonly store?: MemoryStore;
  /**
   * Whether nobody else uses the store: a clean stop then ends the log memberships that began through this archive.
   * Default true.
   */
  readonly soleUser?: boolean;
  /** How many entries of each campaign are kept, about, where memory is all there is. Default: all. */
  readonly keepEntries?: number;
}

/** An archive in memory: the same answers as a database's, at once and deterministic. For tests and simulations. */
export function createMemoryArchive(options: MemoryArchiveOptions = {}): KeyedArchive {
  const { store = createMemoryStore(), soleUser = true, keepEntries = Number.POSITIVE_INFINITY } = options;
  /** Memberships that began through this archive of a sole user: campaign id to generation. */
  const ownMemberships = new Map<string, number>();
  let stopped = false;

  /** Runs a call within one turn, as one transaction; what it throws becomes a rejection. */
  const isGone = (campaignId: string): boolean =>
    !store.campaigns.has(campaignId) && deletionsOf(store, campaignId).length > 0;
  const call = <T>(answer: () => T): Promise<T> =>
    new Promise((resolve) => {
      if (stopped) throw new ArchiveError('stopped', 'The archive has been stopped.');
      resolve(answer());
    });

  /** The campaign, if its head is the expected one. */
  const campaignAt = (campaignId: string, expected: { epoch: string; version: number }): StoredCampaign | undefined => {
    const campaign = store.campaigns.get(campaignId);
    return campaign?.head.epoch === expected.epoch && campaign.head.version === expected.version ? campaign : undefined;
  };

  const leave = (campaignId: string, generation: number): void => {
    const campaign = store.campaigns.get(campaignId);
    if (campaign?.membership.generation === generation) campaign.membership = { generation, active: false };
  };

  const append = (campaign: StoredCampaign, { record, bytes, tail }: SealedEntry): void => {
    campaign.entries.push({ bytes, tail });
    // The first entry keeps the id: only a client that lies about its base brings one twice.
    if (!campaign.byMutation.has(record.mutationId)) campaign.byMutation.set(record.mutationId, record.version);
    campaign.head = { ...campaign.head, version: record.version, tail };
    campaign.updatedAt = record.at;
    campaign.updatedBy = record.actor.id;
  };

  /** Removes the oldest entries once there are twice as many as are kept, so that not every commit has to. */
  const compact = (campaign: StoredCampaign): void => {
    if (campaign.entries.length <= keepEntries * 2) return;
    const base = baseAt(campaign, campaign.head.version - keepEntries);
    if (base) beginAt(campaign, base);
  };

  const commitPart = (part: CampaignCommit): CommitOutcome => {
    const { campaignId, expected } = part;
    const campaign = campaignAt(campaignId, expected);
    const [first] = part.entries;
    if (!campaign || (first && nextTail(campaign.head.tail, first.bytes) !== first.tail)) {
      const head = store.campaigns.get(campaignId)?.head;
      return { campaignId, kind: 'conflict', head: head && { ...head } };
    }
    for (const entry of part.entries) append(campaign, entry);
    compact(campaign);
    if (part.entries.length > 0) {
      campaign.state = jsonText(part.state);
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
          recent: newest(campaign.entries, recent)
            .reverse()
            .map(toSealedEntry)
            .filter(({ record }) => record.version > redactedThrough(store, campaignId)),
          former: deletionsOf(store, campaignId).map(({ deletion }) => ({
            deletedAt: deletion.at,
            epochs: deletion.epochs,
          })),
        };
      }),

    create: (campaignId, first, state) =>
      call(() => {
        if (store.campaigns.has(campaignId) || isBeingDeleted(store, campaignId)) return false;
        const { epoch, at, actor } = first.record;
        const campaign: StoredCampaign = {
          head: { epoch, version: 0, tail: '' },
          state: JSON.stringify(state),
          createdAt: at,
          archivedAt: undefined,
          updatedAt: at,
          updatedBy: actor.id,
          lineage: [],
          firstVersion: 1,
          stateBefore: '{}',
          base: undefined,
          entries: [],
          byMutation: new Map(),
          membership: { generation: lastGeneration(store, campaignId), active: false },
        };
        append(campaign, first);
        store.campaigns.set(campaignId, campaign);
        return true;
      }),

    commit: (parts) =>
      call(() => {
        // Before anything is changed: a part that is refused refuses the whole commit, as in a transaction.
        for (const part of parts) lastContiguousEntry(part);
        return parts.map(commitPart);
      }),

    enterLog: (campaignId, expected, epoch) =>
      call(() => {
        const campaign = campaignAt(campaignId, expected);
        if (campaign?.membership.generation !== expected.generation) return false;
        if (epoch !== undefined) {
          campaign.lineage.push({ epoch, parent: expected.epoch, fromVersion: expected.version });
          campaign.head = { ...campaign.head, epoch };
        }
        campaign.membership = { generation: expected.generation + 1, active: true };
        if (soleUser) ownMemberships.set(campaignId, campaign.membership.generation);
        return true;
      }),

    leaveLog: (campaignId, generation) =>
      call(() => {
        leave(campaignId, generation);
        if (ownMemberships.get(campaignId) === generation) ownMemberships.delete(campaignId);
      }),

    remove: (deletion) =>
      call(() => {
        const { campaignId, head, generation } = deletion;
        const campaign = campaignAt(campaignId, head);
        const isSame = campaign?.head.tail === head.tail && campaign.membership.generation === generation;
        if (!isSame || campaign.archivedAt === undefined) return false;
        store.campaigns.delete(campaignId);
        store.keeps.delete(campaignId);
        store.accessKeys.dropPreviews(campaignId);
        store.audit.signed.delete(campaignId);
        for (const redaction of store.audit.redactions)
          if (redaction.campaignId === campaignId) Object.assign(redaction, { through: 0, forgotten: true });
        store.deletions.push({ deletion, complete: false });
        appendAuditEvents(store.audit, [deletionEvent(deletion)]);
        return true;
      }),

    // The campaign is one object, but what restores have staged of it is beside it.
    removeRows: (campaignId) =>
      call(() => {
        if (!isBeingDeleted(store, campaignId)) return false;
        for (const { entries, states, adopted } of store.restores.values()) {
          entries.delete(campaignId);
          states.delete(campaignId);
          adopted.delete(campaignId);
        }
        dropAnalytics(store.analytics, campaignId);
        dropHeldPlaces(store.heldPlaces, campaignId);
        return false;
      }),

    completeDeletion: (campaignId) =>
      call(() => {
        for (const each of deletionsOf(store, campaignId)) each.complete = true;
      }),

    openDeletions: () =>
      call(() => store.deletions.filter(({ complete }) => !complete).map(({ deletion }) => deletion)),

    findDeletion: (campaignId) => call(() => deletionsOf(store, campaignId).at(-1)?.deletion),

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
        if (!campaign || version < Math.max(1, campaign.firstVersion - 1) || version > campaign.head.version)
          return undefined;
        const { entries, firstVersion, stateBefore } = campaign;
        return fold(JSON.parse(stateBefore), entries.slice(0, version - firstVersion + 1).map(toSealedEntry));
      }),

    versionAt: (campaignId, time) =>
      call(() => {
        const entries = store.campaigns.get(campaignId)?.entries.map(toSealedEntry) ?? [];
        return entries.findLast(({ record }) => record.at <= time)?.record.version;
      }),

    list: (query) =>
      call(() => {
        const { cursor, offset = 0, limit, sort = 'id' } = query;
        return narrowed(store, query)
          .filter(({ campaignId }) => cursor === undefined || campaignId > cursor)
          .toSorted(compareListed(sort))
          .slice(offset, offset + limit);
      }),

    count: (query) => call(() => narrowed(store, query).length),

    ping: () => call(() => undefined),

    ...store.accessKeys,
    ...createMemoryHistories(store, call),
    ...createMemoryCompaction(store, call),
    ...createMemoryAudit(store, call),
    ...createMemoryAnalytics(store.analytics, store.heldPlaces, call, isGone),
    ...createMemoryHeldPlaces(store.heldPlaces, call, isGone),
    stop: ({ clean }) => {
      if (!stopped && clean) {
        for (const [campaignId, generation] of ownMemberships) leave(campaignId, generation);
      }
      stopped = true;
      return Promise.resolve();
    },
  };
}

/** The campaigns that a query is about. */
function narrowed(store: MemoryStore, query: CountQuery): CampaignSummary[] {
  const { ids, publishedOnly, searched } = query;
  const wanted = ids && new Set(ids);
  return [...store.campaigns]
    .filter(([id]) => wanted === undefined || wanted.has(id))
    .map(([id, campaign]) => toSummary(id, campaign))
    .filter((row) => (publishedOnly !== true || row.status !== 'draft') && passesFilter(row, query, searched));
}

function deletionsOf({ deletions }: MemoryStore, campaignId: string): MemoryDeletion[] {
  return deletions.filter(({ deletion }) => deletion.campaignId === campaignId);
}

/** The version up to which entries of a campaign are not loaded with it, as something of them was redacted. */
function redactedThrough({ audit }: MemoryStore, campaignId: string): number {
  const own = audit.redactions.filter((redaction) => redaction.campaignId === campaignId);
  return own.reduce((most, { through }) => Math.max(most, through), 0);
}

/** Whether a deletion under that id is not complete. */
export function isBeingDeleted(store: MemoryStore, campaignId: string): boolean {
  return deletionsOf(store, campaignId).some(({ complete }) => !complete);
}

/** The generation above which the log membership of a campaign of that id begins. */
export function lastGeneration(store: MemoryStore, campaignId: string): number {
  return Math.max(0, ...deletionsOf(store, campaignId).map(({ deletion }) => deletion.generation));
}

/** The newest of these entries, newest first, within both limits. */
function newest(entries: StoredCampaign['entries'], limit: number): StoredCampaign['entries'] {
  const last = entries.slice(Math.max(0, entries.length - limit)).reverse();
  return upToBytes(last, LIMITS.pageBytes, ({ bytes }) => Buffer.byteLength(bytes));
}

function fold(state: JsonObject, entries: readonly SealedEntry[]): JsonObject {
  return mergePatches(
    state,
    entries.map(({ record }) => record.change),
  );
}

function toSummary(campaignId: string, campaign: StoredCampaign): CampaignSummary {
  const { archivedAt, updatedAt, updatedBy, head } = campaign;
  const state: JsonObject = JSON.parse(campaign.state);
  const { owner_id: owner, tags } = state;
  const row = {
    campaignId,
    ...toListColumns(state),
    ...(typeof owner === 'string' && { owner }),
    ...(Array.isArray(tags) && tags.length > 0 && { tags: tags.filter((tag) => typeof tag === 'string') }),
    version: head.version,
    updatedAt,
    updatedBy,
  };
  return archivedAt === undefined ? row : { ...row, archivedAt };
}
