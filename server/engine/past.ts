import { apply, type CampaignContent } from '../core/apply.ts';
import type { Entry } from '../core/entry.ts';
import { CampaignError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import { toEntry, type LiveCampaign } from './live-campaign.ts';
import type { Archive, SealedEntry } from './ports.ts';
import type { Page } from './service.ts';

/** What was: read from the archive up to the watermark, and from memory what is not committed yet. */
export interface Past {
  history(live: LiveCampaign, before: number | undefined, limit: number): Promise<Page<Entry, number>>;
  stateAt(live: LiveCampaign, version: number): Promise<JsonObject>;
}

export function createPast(archive: Archive): Past {
  const history = async (live: LiveCampaign, before: number | undefined, limit: number): Promise<Page<Entry, number>> => {
    const from = Math.min(before ?? Number.POSITIVE_INFINITY, live.head.version + 1);
    const items = newestBefore(inMemory(live), from, limit);
    const oldest = items.at(-1)?.version ?? from;
    if (items.length < limit && oldest > 1) {
      const older = await archive.history(live.id, oldest, limit - items.length);
      items.push(...older.map(({ record }) => toEntry(record)));
    }
    const last = items.at(-1)?.version ?? 1;
    return { items, nextCursor: last > 1 ? last : undefined };
  };

  const stateAt = async (live: LiveCampaign, version: number): Promise<JsonObject> => {
    if (version === live.head.version) return live.content.state;
    if (version > live.head.version) throw notFound(live, version);
    // Before the first version there was nothing; that is what a diff from 0 starts with.
    if (version === 0) return {};
    const durable = live.watermark.version;
    // Taken in the same moment as the watermark, which may move while the archive answers.
    const unsaved: readonly SealedEntry[] = live.unsaved.filter(({ record }) => record.version <= version);
    const base = await archive.stateAt(live.id, Math.min(version, durable));
    if (!base) throw notFound(live, version);
    const start: CampaignContent = { state: base, archivedAt: undefined };
    return unsaved.reduce((content, { record }) => apply(content, record), start).state;
  };

  return { history, stateAt };
}

/** The longer of the two that memory holds, oldest first: the ring, or, when the archive is far behind, all that waits for it. */
function inMemory(live: LiveCampaign): Entry[] {
  return live.unsaved.length > live.ring.size ? live.unsaved.map(({ record }) => toEntry(record)) : (live.ring.after(live.ring.floor) ?? []);
}

function newestBefore(entries: readonly Entry[], version: number, limit: number): Entry[] {
  const end = version - (entries[0]?.version ?? version);
  return entries.slice(Math.max(0, end - limit), Math.max(0, end)).reverse();
}

function notFound(live: LiveCampaign, version: number): CampaignError {
  const message = `version: ${live.id} has no version ${version} that can be read; it is at ${live.head.version}`;
  return new CampaignError('NOT_FOUND', message, { path: ['version'] });
}
