import { z } from 'zod';
import { CAMPAIGN_STATUSES, type CampaignStatus } from '../../../core/document/campaign.ts';
import type { Viewer } from '../../../core/document/targeting-fields.ts';
import { LIMITS } from '../../../core/limits.ts';
import { LIST_SORTS, type ListSort } from '../../../core/stream/list-query.ts';
import type { Moment, Position } from '../../../core/stream/position.ts';
import {
  asViewer,
  type CampaignInput,
  type ViewerInput,
  campaignId,
  missable,
  position,
  version,
  moment,
  text,
  viewer,
} from './parts.ts';

/* Input of what reads campaigns. */

export interface GetInput extends CampaignInput, ViewerInput {}

export interface ExplainInput extends CampaignInput {
  viewer: Viewer;
  /** The position, version or time to judge by. Default: the present one. */
  position?: Moment;
}

export interface ListInput {
  /** Only campaigns whose id is greater; of a list by id, without `offset`. */
  cursor?: string;
  /** How many campaigns are left out before the first, at most 1,000,000. The answer has a `total` then. */
  offset?: number;
  limit?: number;
  /** Default: by id. In another order the answer has a `total`, and no cursor. */
  sort?: ListSort;
  status?: CampaignStatus;
  /** Only those with this text, at most 128 characters, in id, title, owner or a tag that the caller may see. */
  search?: string;
  /** Only those of that `owner_id`. */
  owner?: string;
  tag?: string;
  /** Only archived ones, or only those that are not. Default: both. */
  archived?: boolean;
}

export interface WatchListInput extends ListInput {
  /** Only these campaigns, at most 64. */
  campaignIds?: string[];
}

export interface HistoryInput extends CampaignInput, ViewerInput {
  cursor?: number;
  limit?: number;
}

export interface AtInput extends CampaignInput, ViewerInput {
  version: Moment;
}

export interface DiffInput extends CampaignInput, ViewerInput {
  from: Moment;
  to: Moment;
}

export interface SchemaInput extends CampaignInput {
  /** The hash of the schemas that the caller has: they are not sent again. */
  known?: string;
}

export interface WhenDurableInput extends CampaignInput {
  position: Position;
}

export interface WatchInput extends ViewerInput {
  /** Default: the server's default campaign. */
  campaignId?: string;
  /** Resume position; the client's link sets it after a reconnect. */
  lastEventId?: string;
  /** Whether to send watermarks too: the position up to which everything is committed. */
  receipts?: boolean;
  /** Whether to be told who is here as well, and to be there oneself. */
  presence?: boolean;
}

export interface WatchManyInput {
  /** The streams, at most 32. */
  streams: WatchInput[];
}

/** Campaigns that a live list can be narrowed to, at most. */
const MAX_LISTED_IDS = 64;

/** Of the document's `owner_id`, too. */
const MAX_OWNER_CHARACTERS = 200;

/** Campaigns before the first of a page, at most. */
const MAX_LIST_OFFSET = 1_000_000;

const pageLimit = z.int().min(1).max(LIMITS.pageSize).exactOptional();

export const getInput: z.ZodType<GetInput> = z.object({ campaignId, ...asViewer });

export const explainInput: z.ZodType<ExplainInput> = z.object({
  campaignId,
  viewer,
  position: moment(1).exactOptional(),
});

/** Characters of a hash of schemas, at most; those that the server makes are shorter. */
const MAX_HASH_CHARACTERS = 64;

export const schemaInput: z.ZodType<SchemaInput> = z.object({
  campaignId,
  known: z.string().max(MAX_HASH_CHARACTERS).exactOptional(),
});

const listFilter = {
  cursor: campaignId.exactOptional(),
  limit: pageLimit,
  offset: z.int().min(0).max(MAX_LIST_OFFSET).exactOptional(),
  sort: z.enum(LIST_SORTS).exactOptional(),
  status: z.enum(CAMPAIGN_STATUSES).exactOptional(),
  search: z.string().max(LIMITS.setItemLength).exactOptional(),
  owner: z.string().max(MAX_OWNER_CHARACTERS).exactOptional(),
  tag: z.string().max(LIMITS.setItemLength).exactOptional(),
  archived: z.boolean().exactOptional(),
};

/** A cursor says after which id a page begins. */
function hasOneBeginning(input: ListInput): boolean {
  return input.cursor === undefined || (input.offset === undefined && (input.sort ?? 'id') === 'id');
}

const ONE_BEGINNING = { path: ['cursor'], error: 'must not be given with offset, or with another sort than id' };

export const listInput: z.ZodType<ListInput | undefined> = z
  .object(listFilter)
  .refine(hasOneBeginning, ONE_BEGINNING)
  .optional();

export const watchListInput: z.ZodType<WatchListInput | undefined> = z
  .object({ ...listFilter, campaignIds: z.array(campaignId).max(MAX_LISTED_IDS).exactOptional() })
  .refine(hasOneBeginning, ONE_BEGINNING)
  .optional();

export const historyInput: z.ZodType<HistoryInput> = z.object({
  campaignId,
  cursor: version.exactOptional(),
  limit: pageLimit,
  ...asViewer,
});

export const atInput: z.ZodType<AtInput> = z.object({ campaignId, version: moment(1), ...asViewer });

export const diffInput: z.ZodType<DiffInput> = z.object({
  campaignId,
  from: moment(0),
  to: moment(0),
  ...asViewer,
});

export const whenDurableInput: z.ZodType<WhenDurableInput> = z.object({ campaignId, position });

const watchedStream = z.object({
  campaignId: missable(campaignId),
  lastEventId: missable(text(256)),
  receipts: missable(z.boolean()),
  presence: missable(z.boolean()),
  ...asViewer,
});

export const watchInput: z.ZodType<WatchInput | undefined> = watchedStream.optional();

/** As many as make an address that proxies take. */
const MAX_STREAMS_OF_ONE = 32;

export const watchManyInput: z.ZodType<WatchManyInput> = z.object({
  streams: z.array(watchedStream).min(1).max(MAX_STREAMS_OF_ONE),
});
