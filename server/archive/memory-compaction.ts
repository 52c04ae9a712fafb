import type { CompactionStore } from '../core/compaction-store.ts';
import { apply, type CampaignContent } from '../core/stream/apply.ts';
import type { HistoryBase } from '../core/history-store.ts';
import type { MemoryStore, StoredCampaign } from './memory-archive.ts';
import { CHECKPOINT_INTERVAL_VERSIONS, toSealedEntry } from './sql/columns.ts';

/** The claim on compaction. */
export interface MemoryClaim {
  holder: string | undefined;
  heldUntil: number;
}

/** @param call runs a call within one turn */
export function createMemoryCompaction(
  { campaigns, compaction, keeps }: MemoryStore,
  call: <T>(answer: () => T) => Promise<T>,
): CompactionStore {
  return {
    claimCompaction: (holder, now, until) =>
      call(() => {
        if (compaction.heldUntil >= now && compaction.holder !== holder) return false;
        compaction.holder = holder;
        compaction.heldUntil = until;
        return true;
      }),

    findCompactable: (all, limit, now) =>
      call(() =>
        [...campaigns]
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .flatMap(([campaignId, campaign]) => {
            const own = keeps.get(campaignId);
            const isAll = own ? own.versions === undefined && own.ageMs === undefined : all === undefined;
            if (isAll) return [];
            const versions = own ? (own.versions ?? 0) : (all?.versions ?? 0);
            const since = own ? now - (own.ageMs ?? 0) : (all?.since ?? 0);
            const last = campaign.head.version - Math.max(1, versions);
            const version = campaign.entries
              .map(toSealedEntry)
              .findLast(
                ({ record }) =>
                  record.version % CHECKPOINT_INTERVAL_VERSIONS === 0 && record.version <= last && record.at < since,
              )?.record.version;
            const base = version === undefined ? undefined : baseAt(campaign, version);
            return base ? [{ campaignId, base }] : [];
          })
          .slice(0, limit),
      ),

    setBase: (campaignId, { version, tail, state }) =>
      call(() => {
        const campaign = campaigns.get(campaignId);
        const base = campaign && version < campaign.head.version ? baseAt(campaign, version) : undefined;
        if (!campaign || base?.tail !== tail || base.state !== state) return false;
        beginAt(campaign, base);
        return true;
      }),

    findKeep: (campaignId) => call(() => keeps.get(campaignId)),

    setKeep: (campaignId, keep) =>
      call(() => {
        if (!campaigns.has(campaignId)) return false;
        if (keep) keeps.set(campaignId, { ...keep });
        else keeps.delete(campaignId);
        return true;
      }),

    mayCompact: () => call(() => keeps.size > 0),

    // A history is one object: what lies before its beginning goes with the setting of that.
    deleteCompacted: () => call((): number | undefined => undefined),
  };
}

/** What the entries up to that version have led to; `undefined` where it is not kept. */
export function baseAt({ entries, firstVersion, stateBefore, base }: StoredCampaign, version: number) {
  const old = entries.slice(0, version - firstVersion + 1).map(toSealedEntry);
  const last = old.at(-1);
  if (last?.record.version !== version) return undefined;
  const before: CampaignContent = { state: JSON.parse(stateBefore), archivedAt: base?.archivedAt };
  const { state, archivedAt } = old.reduce((content, { record }) => apply(content, record), before);
  const { at, actor } = last.record;
  const found: HistoryBase = {
    version,
    tail: last.tail,
    state: JSON.stringify(state),
    archivedAt,
    updatedAt: at,
    updatedBy: actor.id,
  };
  return found;
}

/** Makes a history begin there: what lies before it goes. */
export function beginAt(campaign: StoredCampaign, { state, ...base }: HistoryBase): void {
  const old = campaign.entries.splice(0, base.version - campaign.firstVersion + 1).map(toSealedEntry);
  for (const { record } of old)
    if (campaign.byMutation.get(record.mutationId) === record.version) campaign.byMutation.delete(record.mutationId);
  // An id whose first entry is gone is found by the first one that is kept.
  for (const { record } of campaign.entries.map(toSealedEntry))
    if (!campaign.byMutation.has(record.mutationId)) campaign.byMutation.set(record.mutationId, record.version);
  campaign.stateBefore = state;
  campaign.firstVersion = base.version + 1;
  campaign.base = base;
}
