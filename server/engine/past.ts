import { apply, type CampaignContent } from '../core/apply.ts';
import type { Entry } from '../core/entry.ts';
import { CampaignError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import { toEntry, type LiveCampaign } from './live-campaign.ts';
import type { Archive, OrderedLog } from './ports.ts';
import type { Page } from './service.ts';

/** What was: read from the archive, and from memory and log for what is not committed yet. */
export interface Past {
  history(live: LiveCampaign, before: number | undefined, limit: number): Promise<Page<Entry, number>>;
  stateAt(live: LiveCampaign, version: number): Promise<JsonObject>;
}

/** The watermark may move while both sides are read; then the reading is done again. */
const TRIES = 5;

export function createPast(archive: Archive, log: OrderedLog): Past {
  const history = async (live: LiveCampaign, before: number | undefined, limit: number): Promise<Page<Entry, number>> => {
    const from = Math.min(before ?? Number.POSITIVE_INFINITY, live.head.version + 1);
    const recent = (live.ring.after(live.ring.floor) ?? []).filter(({ version }) => version < from);
    const items = recent.slice(-limit).reverse();
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
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      const durable = live.watermark.version;
      const base = await archive.stateAt(live.id, Math.min(version, durable));
      if (!base) break;
      if (version <= durable) return base;
      const entries = await log.read(live.id, durable, version - durable);
      if (entries.length !== version - durable || entries[0]?.record.version !== durable + 1) continue;
      const start: CampaignContent = { state: base, archivedAt: undefined };
      return entries.reduce((content, { record }) => apply(content, record), start).state;
    }
    throw notFound(live, version);
  };

  return { history, stateAt };
}

function notFound(live: LiveCampaign, version: number): CampaignError {
  const message = `version: ${live.id} has no version ${version} that can be read; it is at ${live.head.version}`;
  return new CampaignError('NOT_FOUND', message, { path: ['version'] });
}
