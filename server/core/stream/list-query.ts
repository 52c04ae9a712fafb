/** The orders of a list of campaigns. */
export const LIST_SORTS = ['id', 'title', 'updated'] as const;

/** By id; by title, whatever the case; or by last change, the newest first. Campaigns that are equal go by id. */
export type ListSort = (typeof LIST_SORTS)[number];

/** Top-level fields of documents that a search looks in, beside the ids. */
export const SEARCHED_FIELDS = ['title', 'owner_id', 'tags'] as const;
export type SearchedField = (typeof SEARCHED_FIELDS)[number];

/** What a list is narrowed by. */
export interface ListFilter {
  /** Only those in which this text stands, whatever the case: in the id, the title, the owner or a tag. */
  readonly search?: string | undefined;
  readonly status?: string | undefined;
  /** Only those of that owner, the document's `owner_id`. */
  readonly owner?: string | undefined;
  /** Only those with that tag. */
  readonly tag?: string | undefined;
  /** Only those that are archived, or only those that are not. Default: both. */
  readonly archived?: boolean | undefined;
}

/** A campaign, as far as lists filter and order by it. */
export interface FilteredCampaign {
  readonly campaignId: string;
  readonly title: string;
  readonly status?: string | undefined;
  readonly owner?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly updatedAt: number;
  readonly archivedAt?: number | undefined;
}

/**
 * Whether a filter lets a campaign through.
 *
 * @param searched the fields that its search looks in, beside the id
 */
export function passesFilter(
  campaign: FilteredCampaign,
  { search, status, owner, tag, archived }: ListFilter,
  searched: readonly SearchedField[] = SEARCHED_FIELDS,
): boolean {
  return (
    (status === undefined || campaign.status === status) &&
    (owner === undefined || campaign.owner === owner) &&
    (tag === undefined || (campaign.tags?.includes(tag) ?? false)) &&
    (archived === undefined || (campaign.archivedAt !== undefined) === archived) &&
    (search === undefined || searchedTexts(campaign, searched).some((text) => fold(text).includes(fold(search))))
  );
}

function searchedTexts({ campaignId, title, owner, tags }: FilteredCampaign, fields: readonly SearchedField[]) {
  const texts: Record<SearchedField, readonly string[]> = {
    title: [title],
    owner_id: owner === undefined ? [] : [owner],
    tags: tags ?? [],
  };
  return [campaignId, ...fields.flatMap((field) => texts[field])];
}

/** Compares two campaigns in that order. */
export function compareListed(sort: ListSort): (one: FilteredCampaign, other: FilteredCampaign) => number {
  const byId = (one: FilteredCampaign, other: FilteredCampaign) => compare(one.campaignId, other.campaignId);
  switch (sort) {
    case 'id':
      return byId;
    case 'title':
      return (one, other) => compare(fold(one.title), fold(other.title)) || byId(one, other);
    case 'updated':
      return (one, other) => other.updatedAt - one.updatedAt || byId(one, other);
  }
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** Character by character, as databases do it: JavaScript's own lower case of a sigma depends on what is around it. */
function fold(text: string): string {
  let folded = '';
  for (const character of text) folded += character.toLowerCase();
  return folded;
}
