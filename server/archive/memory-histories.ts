import type {
  AdoptedHistory,
  Adoption,
  HistoryStore,
  SnapshotRun,
  StoredCheckpoint,
  StoredEntry,
  StoredHistory,
} from '../core/history-store.ts';
import { upToBytes } from '../core/limits.ts';
import { isSameRedaction } from '../core/stream/redaction.ts';
import { ArchiveError } from './errors.ts';
import { addRedaction, dropSuperseded, type MemoryRedaction } from './memory-audit.ts';
import { isBeingDeleted, lastGeneration, type MemoryStore, type StoredCampaign } from './memory-archive.ts';
import { toListColumns, toSealedEntry } from './sql/columns.ts';

/** What a restore has staged and adopted. */
export interface StagedRestore {
  touchedAt: number;
  /** Whether what it has staged was dropped: nothing is staged for it, or adopted, until it begins again. */
  dropped: boolean;
  readonly adopted: Set<string>;
  /** By campaign, then by version. */
  readonly entries: Map<string, Map<number, StoredEntry>>;
  readonly states: Map<string, Map<number, string>>;
}

/** The periodic snapshot: who takes one, and the last one. */
export interface MemorySchedule {
  holder: string | undefined;
  heldUntil: number;
  run: SnapshotRun | undefined;
}

/** Rows of one read, at most, as a database's. */
const READ_ROWS = 1_000;

/**
 * Whole histories of a store in memory.
 *
 * @param call runs a call within one turn
 */
export function createMemoryHistories(store: MemoryStore, call: <T>(answer: () => T) => Promise<T>): HistoryStore {
  const { campaigns, restores, schedule } = store;
  const ordered = (ids?: readonly string[]): [string, StoredCampaign][] =>
    [...campaigns].filter(([id]) => ids?.includes(id) ?? true).sort(([a], [b]) => (a < b ? -1 : 1));
  const dropStale = (staleAt: number, except?: string): void => {
    for (const [id, restore] of restores) if (id !== except && restore.touchedAt < staleAt) dropStaged(restore);
  };

  return {
    countHistories: (ids) =>
      call(() => {
        const counted = ordered(ids);
        return {
          campaigns: counted.length,
          entries: counted.reduce((sum, [, { head }]) => sum + head.version, 0),
        };
      }),

    readHeads: (after, limit) =>
      call(() =>
        ordered()
          .filter(([id]) => after === undefined || id > after)
          .slice(0, limit)
          .map(([campaignId, { head }]) => ({
            campaignId,
            head: { ...head },
            redactions: redactionsOf(store, campaignId).length,
          })),
      ),

    readHistories: (after, limit, ids) =>
      call(() =>
        ordered(ids)
          .filter(([id]) => after === undefined || id > after)
          .slice(0, limit)
          .map(([campaignId, campaign]) => toHistory(campaignId, campaign, redactionsOf(store, campaignId))),
      ),

    readEntries: (after, through, bytes) =>
      call(() => {
        const found: StoredEntry[] = [];
        for (const [id, campaign] of ordered()) {
          if (id < after.campaignId || id > through) continue;
          const from = id === after.campaignId ? after.version : 0;
          const first = Math.max(0, from + 1 - campaign.firstVersion);
          const wanted = campaign.entries.slice(first, first + READ_ROWS - found.length);
          found.push(...wanted.map((entry) => toStoredEntry(id, campaign, entry)));
          if (found.length >= READ_ROWS) break;
        }
        return upToBytes(found, bytes, (entry) => Buffer.byteLength(entry.bytes));
      }),

    // States are folded from the entries: there are none.
    readCheckpoints: () => call((): StoredCheckpoint[] => []),

    orphans: () => call((): string[] => []),

    beginRestore: (restoreId, now, staleAt) =>
      call(() => {
        dropStale(staleAt, restoreId);
        const adopted = restores.get(restoreId)?.adopted ?? new Set<string>();
        restores.set(restoreId, { touchedAt: now, dropped: false, adopted, entries: new Map(), states: new Map() });
        return [...adopted];
      }),

    stage: (restoreId, entries, checkpoints, now) =>
      call(() => {
        const restore = restores.get(restoreId);
        if (!restore || restore.dropped) return false;
        restore.touchedAt = now;
        for (const entry of entries) put(restore.entries, entry, { ...entry });
        for (const checkpoint of checkpoints) put(restore.states, checkpoint, checkpoint.state);
        return true;
      }),

    adopt: (restoreId, histories, redactedUntil) =>
      call((): Adoption => {
        const restore = restores.get(restoreId);
        for (const { campaignId, over } of histories) {
          const present = campaigns.get(campaignId);
          if (present && !over) return { kind: 'exists', campaignId, head: { ...present.head } };
          if (isBeingDeleted(store, campaignId)) return { kind: 'deleting', campaignId };
        }
        if (!restore || restore.dropped) return { kind: 'stale' };
        const adopted = histories.map((history) =>
          adoptedCampaign(
            restore,
            history,
            campaigns.get(history.campaignId)?.membership.generation ?? lastGeneration(store, history.campaignId),
          ),
        );
        const later = store.audit.redactions.filter(({ ordinal }) => ordinal > redactedUntil);
        const isMissed = ({ redactions = [] }: AdoptedHistory, { entries }: StoredCampaign): boolean => {
          const tails = new Set(entries.map(({ tail }) => tail));
          const isNamed = ({ tail, redaction }: MemoryRedaction): boolean =>
            redactions.some((named) => named.tail === tail && isSameRedaction(named.redaction, redaction));
          return later.some((known) => tails.has(known.tail) && !isNamed(known));
        };
        if (
          histories.some((history, index) => {
            const campaign = adopted[index];
            return campaign !== undefined && isMissed(history, campaign);
          })
        )
          return { kind: 'stale' };
        histories.forEach(({ campaignId, redactions = [] }, index) => {
          const campaign = adopted[index];
          if (!campaign) return;
          campaigns.set(campaignId, campaign);
          restore.entries.delete(campaignId);
          restore.states.delete(campaignId);
          restore.adopted.add(campaignId);
          for (const known of redactionsOf(store, campaignId)) {
            known.through = 0;
            known.forgotten = true;
          }
          dropSuperseded(store.audit, campaignId, redactions);
          for (const redaction of redactions)
            addRedaction(store.audit, { ...redaction, campaignId, through: campaign.head.version, forgotten: true });
        });
        return { kind: 'adopted', generations: adopted.map(({ membership }) => membership.generation) };
      }),

    endRestore: (restoreId) => call(() => void restores.delete(restoreId)),

    endStaleRestores: (staleAt, forgetAt) =>
      call(() => {
        dropStale(staleAt);
        for (const [id, { touchedAt }] of restores) if (touchedAt < forgetAt) restores.delete(id);
      }),

    claimSnapshot: ({ holder, now, until, dueBefore }) =>
      call(() => {
        const isFree = schedule.heldUntil < now || schedule.holder === holder;
        if (!isFree || (schedule.run?.at ?? 0) > dueBefore) return false;
        schedule.holder = holder;
        schedule.heldUntil = until;
        return true;
      }),

    releaseSnapshot: (holder, run) =>
      call(() => {
        if (schedule.holder !== holder) return;
        schedule.holder = undefined;
        schedule.heldUntil = 0;
        schedule.run = run ?? schedule.run;
      }),

    lastSnapshot: () => call(() => schedule.run && { ...schedule.run }),
  };
}

/**
 * The campaign that a staged history makes, in the place of one that is there.
 *
 * @param before generation of what it replaces or follows
 * @throws ArchiveError `data` where not all of it is staged
 */
function adoptedCampaign(
  restore: StagedRestore,
  { campaignId, head, createdAt, archivedAt, updatedAt, updatedBy, ...history }: AdoptedHistory,
  before: number,
): StoredCampaign {
  const rows = [...(restore.entries.get(campaignId)?.values() ?? [])];
  const staged = rows.filter(({ version }) => version <= head.version).sort((a, b) => a.version - b.version);
  const state = restore.states.get(campaignId)?.get(head.version);
  const { base } = history;
  const stateBefore = base ? restore.states.get(campaignId)?.get(base.version) : '{}';
  const wanted = head.version - (base?.version ?? 0);
  if (state === undefined || stateBefore === undefined || staged.length !== wanted) {
    const message = `${campaignId}: ${staged.length} of ${wanted} entries are staged; restore it again.`;
    throw new ArchiveError('data', message);
  }
  const byMutation = new Map<string, number>();
  for (const { mutationId, version } of staged) if (mutationId !== null) byMutation.set(mutationId, version);
  return {
    head: { ...head },
    state,
    createdAt,
    archivedAt,
    updatedAt,
    updatedBy,
    lineage: history.lineage.map((fork) => ({ ...fork })),
    firstVersion: (base?.version ?? 0) + 1,
    stateBefore,
    base: base && { ...base },
    entries: staged.map(({ bytes, tail }) => ({ bytes, tail })),
    byMutation,
    membership: {
      generation: Math.max(history.generation, before + 1),
      active: true,
    },
  };
}

/** Drops what a restore has staged: it has to begin again. */
export function dropStaged(restore: StagedRestore): void {
  restore.dropped = true;
  restore.entries.clear();
  restore.states.clear();
}

/** Puts a value in the place of an entry or a checkpoint. */
function put<T>(
  into: Map<string, Map<number, T>>,
  { campaignId, version }: Pick<StoredEntry, 'campaignId' | 'version'>,
  value: T,
): void {
  const ofCampaign = into.get(campaignId) ?? new Map<number, T>();
  into.set(campaignId, ofCampaign);
  ofCampaign.set(version, value);
}

function redactionsOf({ audit }: MemoryStore, campaignId: string): MemoryRedaction[] {
  return audit.redactions.filter((redaction) => redaction.campaignId === campaignId);
}

function toHistory(
  campaignId: string,
  campaign: StoredCampaign,
  redactions: readonly MemoryRedaction[],
): StoredHistory {
  const { head, state, createdAt, archivedAt, updatedAt, updatedBy, lineage, membership } = campaign;
  return {
    campaignId,
    head: { ...head },
    state,
    createdAt,
    archivedAt,
    updatedAt,
    updatedBy,
    ...toListColumns(JSON.parse(state)),
    lineage: lineage.map((fork) => ({ ...fork })),
    generation: membership.generation,
    ...(campaign.base && { base: { ...campaign.base, state: campaign.stateBefore } }),
    ...(redactions.length > 0 && {
      redactions: redactions.map(({ version, tail, redaction, hash }) => ({ version, tail, redaction, hash })),
    }),
  };
}

/** An entry as its row would be. */
export function toStoredEntry(
  campaignId: string,
  { byMutation }: StoredCampaign,
  stored: { bytes: string; tail: string },
): StoredEntry {
  const { record, bytes, tail } = toSealedEntry(stored);
  const { version, epoch, type, at, mutationId } = record;
  const owner = byMutation.get(mutationId);
  return { campaignId, version, epoch, type, at, mutationId: owner === version ? mutationId : null, bytes, tail };
}
