import { toEntry, type SealedEntry } from '../../core/stream/log-record.ts';
import { apply, type CampaignContent } from '../../core/stream/apply.ts';
import type { Entry } from '../../core/stream/entry.ts';
import { RefusalError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { LIMITS, upToBytes } from '../../core/limits.ts';
import type { DocumentTree } from '../../core/document/document-tree.ts';
import { diff } from '../../core/document/merge-patch.ts';
import { jsonBytes } from '../../core/document/plain-json.ts';
import { formatPosition, versionOnTimeline, type VersionName } from '../../core/stream/position.ts';
import type { LiveCampaign } from './live-campaign.ts';
import type { Archive } from '../ports.ts';
import type { Difference, HistoryPage, Page } from '../service.ts';

/**
 * History of a campaign: read from the archive up to the watermark, and from memory what is not committed yet. Each
 * answer is of one timeline.
 */
export interface CampaignHistory {
  /** Entries before that version (`undefined`: all), newest first. */
  page(live: LiveCampaign, before: number | undefined, limit: number): Promise<HistoryPage>;
  /**
   * The same, with the state before the oldest of them, for whoever is shown them as differences; `'plain'` where none
   * of them, and nothing up to the present, has to do with targeting.
   */
  pageWithBase(
    live: LiveCampaign,
    before: number | undefined,
    limit: number,
  ): Promise<HistoryPage & { readonly base: DocumentTree | 'plain' }>;
  /**
   * @param field the input that names the version, for the refusal
   * @throws RefusalError `NOT_FOUND` where the current timeline has no such version
   */
  stateAt(
    live: LiveCampaign,
    named: VersionName,
    field: string,
  ): Promise<{ epoch: string; version: number; state: JsonObject }>;
  /** The newest version of that time (epoch milliseconds) or older; 0 where there was none. */
  versionAt(live: LiveCampaign, time: number): Promise<number>;
  difference(live: LiveCampaign, from: VersionName, to: VersionName): Promise<Difference>;
  /** The two states that a difference is between. */
  states(live: LiveCampaign, from: VersionName, to: VersionName): Promise<StatePair>;
}

/** Two states of one timeline. */
export interface StatePair {
  readonly epoch: string;
  readonly from: { readonly version: number; readonly state: JsonObject };
  readonly to: { readonly version: number; readonly state: JsonObject };
}

export function createCampaignHistory(archive: Archive): CampaignHistory {
  const page = async (live: LiveCampaign, before: number | undefined, limit: number): Promise<Page<Entry, number>> => {
    const from = Math.min(before ?? Number.POSITIVE_INFINITY, live.head.version + 1);
    const found = newestBefore(inMemory(live), from, limit);
    const oldest = found.at(-1)?.version ?? from;
    if (found.length < limit && oldest > 1) {
      const older = await archive.history(live.id, oldest, limit - found.length);
      found.push(...older.map(({ record }) => toEntry(record)));
    }
    const items = upToBytes(found, LIMITS.pageBytes, ({ change }) => jsonBytes(change));
    const last = items.at(-1)?.version ?? 1;
    return { items, nextCursor: last > 1 ? last : undefined };
  };

  const stateAt = async (live: LiveCampaign, version: number, field: string): Promise<JsonObject> => {
    if (version === live.head.version) return live.content.state;
    if (version > live.head.version) throw notThere(live, version, field);
    // Before the first version there was nothing; that is what a diff from 0 starts with.
    if (version === 0) return {};
    const durable = live.watermark.version;
    // Taken in the same moment as the watermark, which may move while the archive answers.
    const unsaved: readonly SealedEntry[] = live.unsaved.filter(({ record }) => record.version <= version);
    const base = await archive.stateAt(live.id, Math.min(version, durable));
    if (!base) throw notThere(live, version, field);
    const start: CampaignContent = { state: base, archivedAt: undefined };
    return unsaved.reduce((content, { record }) => apply(content, record), start).state;
  };

  const states = (live: LiveCampaign, first: VersionName, second: VersionName): Promise<StatePair> =>
    onOneTimeline(live, async () => {
      const [from, to] = [versionOf(live, first, 'from'), versionOf(live, second, 'to')];
      // One after the other: each is a read of the archive.
      const before = await stateAt(live, from, 'from');
      const after = await stateAt(live, to, 'to');
      return { from: { version: from, state: before }, to: { version: to, state: after } };
    });

  return {
    page: (live, before, limit) => onOneTimeline(live, () => page(live, before, limit)),

    stateAt: (live, named, field) =>
      onOneTimeline(live, async () => {
        const version = versionOf(live, named, field);
        return { version, state: await stateAt(live, version, field) };
      }),

    pageWithBase: (live, before, limit) =>
      onOneTimeline(live, async () => {
        const found = await page(live, before, limit);
        const oldest = found.items.at(-1);
        const version = (oldest?.version ?? 1) - 1;
        const base = live.trees.at(version) ?? (await stateAt(live, version, 'cursor'));
        // Without targeting at the base it may still come in between, and then the base is needed.
        const isPlain = base === 'plain' && live.trees.nextTouched(version) === undefined;
        return { ...found, base: isPlain || base !== 'plain' ? base : await stateAt(live, version, 'cursor') };
      }),

    states,

    async versionAt(live, time) {
      const unsaved = live.unsaved.findLast(({ record }) => record.at <= time);
      if (unsaved) return unsaved.record.version;
      // The archive may be ahead of this instance by what it has not been told of yet.
      return Math.min(live.head.version, (await archive.versionAt(live.id, time)) ?? 0);
    },

    async difference(live, first, second) {
      const { epoch, from, to } = await states(live, first, second);
      return { campaignId: live.id, epoch, from: from.version, to: to.version, change: diff(from.state, to.state) };
    },
  };
}

/** Reads again where the campaign was forked meanwhile: what was read may be of both timelines. */
async function onOneTimeline<T>(live: LiveCampaign, read: () => Promise<T>): Promise<T & { epoch: string }> {
  for (;;) {
    const { epoch } = live.head;
    const answer = await read();
    if (live.head.epoch === epoch) return { ...answer, epoch };
  }
}

function versionOf(live: LiveCampaign, named: VersionName, field: string): number {
  const version = versionOnTimeline(named, live.head, live.lineage);
  if (version === undefined) throw notThere(live, named, field);
  return version;
}

/**
 * Entries in memory, oldest first: the ring, or what is not committed yet, where the archive is so far behind that this
 * is longer.
 */
function inMemory(live: LiveCampaign): Entry[] {
  return live.unsaved.length > live.ring.size
    ? live.unsaved.map(({ record }) => toEntry(record))
    : (live.ring.after(live.ring.floor) ?? []);
}

function newestBefore(entries: readonly Entry[], version: number, limit: number): Entry[] {
  const end = version - (entries[0]?.version ?? version);
  return entries.slice(Math.max(0, end - limit), Math.max(0, end)).reverse();
}

function notThere(live: LiveCampaign, named: VersionName, field: string): RefusalError {
  const { epoch, version } = live.head;
  const what = typeof named === 'number' ? `version ${named} that can be read` : `${named} on its current timeline`;
  return new RefusalError(
    'NOT_FOUND',
    `${field}: ${live.id} has no ${what}; it is at ${formatPosition(epoch, version)}`,
    { path: [field] },
  );
}
