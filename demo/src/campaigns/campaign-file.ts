import type { JsonObject } from '@campaign-state/client';
import { campaignIdFor, faultOfId, madeId } from './campaign-id.ts';

/** A campaign in a file. */
export interface FiledCampaign {
  readonly campaignId: string;
  readonly state: JsonObject;
}

/** Bytes of a file, and campaigns in it, at most. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;
const MAX_CAMPAIGNS = 100;

/**
 * The campaigns of a file: as they were exported, `{ campaignId, state }`, or bare documents; one, or several as an
 * array. What they hold is for the server to check.
 *
 * @throws Error in one sentence where it is none
 */
export async function readFile(file: File): Promise<FiledCampaign[]> {
  if (file.size > MAX_FILE_BYTES) throw new Error(`${file.name} is larger than 16 MiB.`);
  let content: unknown;
  try {
    content = JSON.parse(await file.text());
  } catch {
    throw new Error(`${file.name} is no JSON: choose a file that was exported from here.`);
  }
  const items: unknown[] = Array.isArray(content) ? content : [content];
  if (items.length === 0) throw new Error(`${file.name} has no campaign in it.`);
  if (items.length > MAX_CAMPAIGNS) throw new Error(`${file.name} has more than ${MAX_CAMPAIGNS} campaigns in it.`);
  return items.map((item, index) => {
    const filed = toFiled(item);
    if (!filed) throw new Error(`${file.name}: number ${index + 1} is no campaign, which has a title.`);
    return filed;
  });
}

function toFiled(item: unknown): FiledCampaign | undefined {
  if (!isObject(item)) return undefined;
  const { campaignId, state = item } = item;
  if (!isObject(state)) return undefined;
  const { title, slug } = state;
  if (typeof title !== 'string' || title === '') return undefined;
  const named = [campaignId, slug].find((name) => typeof name === 'string' && faultOfId(name) === undefined);
  const id = typeof named === 'string' ? named : (campaignIdFor(title) ?? madeId());
  return { campaignId: id, state: { ...state, title, slug: typeof slug === 'string' ? slug : id } };
}

/** The id for another try where that one is taken: `spring`, `spring-2`, `spring-3`. */
export function nextId(campaignId: string, attempt: number): string {
  return attempt === 1 ? campaignId : `${campaignId.slice(0, 60)}-${attempt}`;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
