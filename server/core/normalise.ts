import { CAMPAIGN_ID_PATTERN, SET_FIELDS } from './campaign.ts';
import { check, type Sections } from './check.ts';
import type { Refusal } from './errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from './json.ts';
import { cleanJson } from './plain-json.ts';

/** A campaign as a start file brings it: its slug is its id. */
export interface StartCampaign {
  campaignId: string;
  state: JsonObject;
}

export type Normalised = { ok: true; campaigns: StartCampaign[] } | { ok: false; refusal: Refusal };

/**
 * Reads a campaign file: one campaign or a list of them, either flat or in the older shape, in which the fields stand under
 * `metadata.service_specific.campaign`, features also under `metadata.features`, and scripts under
 * `metadata.service_specific.localization.scripts`. What stands at the top wins; what was not lifted stays in `metadata`.
 *
 * @example normaliseCampaignFile({ slug: 'summer', title: 'Summer' }) // { ok: true, campaigns: [{ campaignId: 'summer', … }] }
 */
export function normaliseCampaignFile(content: unknown, sections: Sections = {}): Normalised {
  const list: readonly unknown[] = Array.isArray(content) ? content : [content];
  const campaigns: StartCampaign[] = [];
  for (const [index, item] of list.entries()) {
    const read = readCampaign(item, list.length > 1 ? [index] : [], sections);
    if ('refusal' in read) return { ok: false, refusal: read.refusal };
    if (campaigns.some(({ campaignId }) => campaignId === read.campaignId)) {
      return refuse(`slug: ${read.campaignId} stands in this file twice`);
    }
    campaigns.push(read);
  }
  return { ok: true, campaigns };
}

function refuse(message: string): { ok: false; refusal: Refusal } {
  return { ok: false, refusal: { reason: 'INVALID', message } };
}

function readCampaign(item: unknown, at: readonly number[], sections: Sections): StartCampaign | { refusal: Refusal } {
  const cleaned = cleanJson(item, at, 'drop');
  if (!cleaned.ok) return cleaned;
  const state = dedupeSets(lift(cleaned.value));
  const { slug } = state;
  if (typeof slug !== 'string' || !CAMPAIGN_ID_PATTERN.test(slug)) {
    const given = slug === undefined ? 'missing' : JSON.stringify(slug);
    return refuse(`slug: ${given}; it becomes the campaign's id: 1 to 64 of a-z, 0-9, _ and -, a letter or digit first`);
  }
  const checked = check(state, state, Number.POSITIVE_INFINITY, sections);
  return checked.ok ? { campaignId: slug, state } : checked;
}

function objectAt(source: JsonObject, ...path: string[]): JsonObject {
  let value: JsonValue | undefined = source;
  for (const key of path) value = isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return isJsonObject(value) ? value : {};
}

function lift(file: JsonObject): JsonObject {
  if (!isJsonObject(file.metadata)) return file;
  const { metadata, ...flat } = file;
  const { features, service_specific: services, ...otherMetadata } = metadata;
  const nested = objectAt(file, 'metadata', 'service_specific', 'campaign');
  const { scripts, ...otherLocalization } = objectAt(file, 'metadata', 'service_specific', 'localization');
  const { campaign: _lifted, localization: _localization, ...otherServices } = isJsonObject(services) ? services : {};

  const state: JsonObject = { ...(isJsonObject(scripts) && { scripts }), ...nested, ...flat };
  const allFeatures = [flat.features, nested.features, features].flatMap((list) => (Array.isArray(list) ? list : []));
  if (allFeatures.length > 0) state.features = allFeatures;

  const restServices = withoutEmpty({ ...otherServices, localization: otherLocalization });
  const rest = withoutEmpty({
    ...otherMetadata,
    ...(!Array.isArray(features) && features !== undefined && { features }),
    service_specific: restServices,
  });
  return Object.keys(rest).length > 0 ? { ...state, metadata: rest } : state;
}

function withoutEmpty(source: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(source).filter(([, value]) => !isJsonObject(value) || Object.keys(value).length > 0));
}

/** Files written by hand may name a feature twice; in the document it is a set. */
function dedupeSets(state: JsonObject): JsonObject {
  const result = { ...state };
  for (const field of SET_FIELDS) {
    const items = result[field];
    if (Array.isArray(items) && items.every((item) => typeof item === 'string')) result[field] = [...new Set(items)];
  }
  return result;
}
