import { CAMPAIGN_ID_PATTERN, SET_FIELDS } from './campaign.ts';
import { check, type Sections } from './check.ts';
import type { Refusal } from '../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts';
import { mergePatch } from './merge-patch.ts';
import { cleanJson, jsonBytes, type Cleaned } from './plain-json.ts';

/** A campaign of a start file; its slug becomes its id. */
export interface StartCampaign {
  campaignId: string;
  state: JsonObject;
}

export type Normalised = { ok: true; campaigns: StartCampaign[] } | { ok: false; refusal: Refusal };

/**
 * The reader of campaign files. A file holds one campaign or a list of them, either flat or in the older shape, in
 * which the fields are under `metadata.service_specific.campaign`, features also under `metadata.features`, and scripts
 * under `metadata.service_specific.localization.scripts`. Top-level fields take precedence, features are merged, and
 * whatever was not lifted stays in `metadata`.
 *
 * @example normaliseCampaignFile({ slug: 'summer', title: 'Summer' }) // { ok: true, campaigns: [{ campaignId:
 *   'summer', … }] }
 */
export function normaliseCampaignFile(content: unknown, sections: Sections = {}): Normalised {
  if (!Array.isArray(content)) {
    const read = readCampaign(content, sections);
    return read.ok ? { ok: true, campaigns: [read.value] } : read;
  }
  const campaigns = new Map<string, StartCampaign>();
  for (const [index, item] of content.entries()) {
    const read = readCampaign(item, sections);
    if (!read.ok) return inList(index, read.refusal);
    const { campaignId } = read.value;
    if (campaigns.has(campaignId)) {
      return inList(index, {
        reason: 'INVALID',
        message: `slug: ${campaignId} stands in this file twice`,
        path: ['slug'],
      });
    }
    campaigns.set(campaignId, read.value);
  }
  return { ok: true, campaigns: [...campaigns.values()] };
}

function inList(index: number, refusal: Refusal): { ok: false; refusal: Refusal } {
  const message = `campaign ${index + 1} of the list: ${refusal.message}`;
  return { ok: false, refusal: { ...refusal, message, path: [index, ...(refusal.path ?? [])] } };
}

function readCampaign(item: unknown, sections: Sections): Cleaned<StartCampaign> {
  const cleaned = cleanJson(item, [], 'drop');
  if (!cleaned.ok) return cleaned;
  const state = dedupeSets(lift(cleaned.value));
  const { slug } = state;
  if (typeof slug !== 'string' || !CAMPAIGN_ID_PATTERN.test(slug)) {
    const message = `slug: ${quote(slug)}; it becomes the campaign's id: 1 to 64 of a-z, 0-9, _ and -, a letter or digit first`;
    return { ok: false, refusal: { reason: 'INVALID', message, path: ['slug'] } };
  }
  const checked = check(state, state, jsonBytes(state), sections);
  return checked.ok ? { ok: true, value: { campaignId: slug, state } } : checked;
}

/** The slug for a message, cut to a length at which it can still be found in the file. */
function quote(slug: JsonValue | undefined): string {
  if (slug === undefined) return 'missing';
  return typeof slug === 'string' ? JSON.stringify(slug.slice(0, 80)) : 'not a string';
}

const CAMPAIGN = ['service_specific', 'campaign'];
const SCRIPTS = ['service_specific', 'localization', 'scripts'];

function lift(file: JsonObject): JsonObject {
  const { metadata, ...flat } = file;
  if (!isJsonObject(metadata)) return file;
  const [nested, withoutCampaign] = takeOut(metadata, CAMPAIGN, isJsonObject);
  const [scripts, withoutScripts] = takeOut(withoutCampaign, SCRIPTS, isJsonObject);
  const [features, rest] = takeOut(withoutScripts, ['features'], isJsonArray);

  const state: JsonObject = { ...(scripts && { scripts }), ...nested, ...flat };
  const lists = [flat.features, nested?.features, features].filter((list) => list !== undefined);
  // Where one of them is no list, `check` is to say so.
  if (lists.length > 0 && lists.every(isJsonArray)) state.features = lists.flat();
  return Object.keys(rest).length > 0 ? mergePatch(state, { metadata: rest }) : state;
}

function isJsonArray(value: JsonValue | undefined): value is JsonValue[] {
  return Array.isArray(value);
}

/** Removes the member at that path if it has the wanted type, and with it every object that this leaves empty. */
function takeOut<T extends JsonValue>(
  source: JsonObject,
  [key, ...inner]: readonly string[],
  isWanted: (value: JsonValue | undefined) => value is T,
): [taken: T | undefined, rest: JsonObject] {
  if (key === undefined || !Object.hasOwn(source, key)) return [undefined, source];
  const { [key]: member, ...others } = source;
  if (inner.length === 0) return isWanted(member) ? [member, others] : [undefined, source];
  const [taken, rest] = isJsonObject(member) ? takeOut(member, inner, isWanted) : [undefined, {}];
  if (taken === undefined) return [undefined, source];
  return [taken, Object.keys(rest).length > 0 ? { ...source, [key]: rest } : others];
}

/** The state with its set fields free of duplicates, which files written by hand may have. */
function dedupeSets(state: JsonObject): JsonObject {
  const result = { ...state };
  for (const field of SET_FIELDS) {
    const items = result[field];
    if (Array.isArray(items) && items.every((item) => typeof item === 'string')) result[field] = [...new Set(items)];
  }
  return result;
}
