import { memberOf } from '../../core/document/document-tree.ts';
import { RefusalError } from '../../core/errors.ts';
import { CALL_ACTIONS, can, roleFor, type Identity } from '../../core/permissions.ts';
import { treeOf } from '../../core/stream/apply.ts';
import {
  compareListed,
  passesFilter,
  SEARCHED_FIELDS,
  type ListFilter,
  type SearchedField,
} from '../../core/stream/list-query.ts';
import {
  hides,
  hidesAnywhere,
  showsActors,
  viewFor,
  viewsKey,
  type View,
  type Views,
} from '../../core/stream/views.ts';
import type { CampaignHost } from '../hosting/campaign-host.ts';
import type { Archive, CampaignSummary, CountQuery } from '../ports.ts';
import type { ListOptions, ListPage, VisibleSummary } from '../service.ts';

export interface CampaignListOptions {
  readonly hosting: Pick<CampaignHost, 'peek'>;
  readonly archive: Pick<Archive, 'list' | 'count'>;
  readonly views: Views;
}

/** Rows of the archive that a page is made of. */
export interface ListRows {
  readonly rows: readonly CampaignSummary[];
  readonly nextCursor: string | undefined;
  /** Campaigns on all pages, where the page is not one of a cursor. */
  readonly total: number | undefined;
}

/** The list of campaigns by a caller's rights: which rows it may see, and what of them. */
export interface CampaignList {
  /** @throws RefusalError `FORBIDDEN` where the filter would reveal what the caller's view hides */
  authorise(identity: Identity, options: ListOptions): void;
  /** Reads the rows of a page from the archive. */
  read(identity: Identity, options: ListOptions): Promise<ListRows>;
  /** Shows rows as of now: what is in memory is newer than the archive, and may have become invisible. */
  show(identity: Identity, rows: readonly CampaignSummary[], options: ListOptions): VisibleSummary[];
  /** One page. @throws RefusalError as `authorise` does */
  page(identity: Identity, options: ListOptions): Promise<ListPage>;
  /** Key of everything that a page depends on: callers with the same key see the same page. */
  keyOf(identity: Identity, options: ListOptions): string;
}

export function createCampaignList({ hosting, archive, views }: CampaignListOptions): CampaignList {
  /** The ids that a caller may see; `undefined` for all. */
  const idsFor = (identity: Identity, { campaignIds }: ListOptions): readonly string[] | undefined => {
    if (campaignIds) return campaignIds.filter((campaignId) => roleFor(identity, campaignId) !== undefined);
    return roleFor(identity, '*') === undefined ? Object.keys(identity.grants) : undefined;
  };

  const freshest = (row: CampaignSummary): CampaignSummary => {
    const live = hosting.peek(row.campaignId)?.live;
    if (!live) return row;
    const { archivedAt } = live.content;
    const tree = treeOf(live.content);
    const [title, status] = [memberOf(tree, 'title'), memberOf(tree, 'status')];
    return {
      campaignId: row.campaignId,
      title: typeof title === 'string' ? title : row.title,
      status: typeof status === 'string' ? status : undefined,
      ...labelsOf(memberOf(tree, 'owner_id'), memberOf(tree, 'tags')),
      version: live.head.version,
      updatedAt: live.updatedAt,
      updatedBy: live.updatedBy,
      ...(archivedAt !== undefined && { archivedAt }),
    };
  };

  const authorise: CampaignList['authorise'] = (identity, options) => {
    // What a filter finds would reveal the field, too.
    for (const { filter, field } of FILTERED_FIELDS)
      if (options[filter] !== undefined && hidesAnywhere(identity, views, field))
        throw new RefusalError('FORBIDDEN', `${filter}: your view does not show it`, { path: [filter] });
    if (options.sort === 'title' && hidesAnywhere(identity, views, 'title'))
      throw new RefusalError('FORBIDDEN', 'sort: your view does not show the title', { path: ['sort'] });
  };

  /** A search leaves out what the caller may not see: that it finds something would reveal it. */
  const searchedBy = (identity: Identity): SearchedField[] =>
    SEARCHED_FIELDS.filter((field) => !hidesAnywhere(identity, views, field));

  const read: CampaignList['read'] = async (identity, options) => {
    const { cursor, offset, limit, sort = 'id' } = options;
    const ids = idsFor(identity, options);
    const query: CountQuery = {
      ...filterOf(options),
      ...(options.search !== undefined && { searched: searchedBy(identity) }),
      ...(ids && { ids }),
      ...(identity.anonymous === true && { publishedOnly: true }),
    };
    if (isByCursor(options)) {
      // One more than asked for shows whether there is a next page.
      const found = await archive.list({ ...query, limit: limit + 1, ...(cursor !== undefined && { cursor }) });
      const rows = found.slice(0, limit);
      return { rows, nextCursor: found.length > limit ? rows.at(-1)?.campaignId : undefined, total: undefined };
    }
    const [rows, total] = await Promise.all([
      archive.list({ ...query, limit, sort, ...(offset !== undefined && { offset }) }),
      archive.count(query),
    ]);
    return { rows, nextCursor: undefined, total };
  };

  const show: CampaignList['show'] = (identity, rows, options) => {
    const searched = searchedBy(identity);
    return rows
      .map(freshest)
      .filter((row) => isVisible(identity, row) && passesFilter(row, options, searched))
      .toSorted(compareListed(options.sort ?? 'id'))
      .map((row) => asShown(viewFor(identity, row.campaignId, views), row));
  };

  return {
    authorise,
    read,
    show,
    async page(identity, options) {
      authorise(identity, options);
      const { rows, nextCursor, total } = await read(identity, options);
      return { items: show(identity, rows, options), nextCursor, ...(total !== undefined && { total }) };
    },
    keyOf(identity, options) {
      const { cursor, offset, limit, sort } = options;
      return JSON.stringify([
        viewsKey(identity, views),
        identity.anonymous === true,
        idsFor(identity, options)?.toSorted() ?? '*',
        { cursor, offset, limit, sort, ...filterOf(options) },
      ]);
    },
  };
}

/** Filters that are about one field each. */
const FILTERED_FIELDS = [
  { filter: 'status', field: 'status' },
  { filter: 'owner', field: 'owner_id' },
  { filter: 'tag', field: 'tags' },
] as const;

/** Tags of a row that are shown: a document can have a thousand. */
const MAX_SHOWN_TAGS = 16;

function isByCursor({ offset, sort = 'id' }: ListOptions): boolean {
  return offset === undefined && sort === 'id';
}

function filterOf({ search, status, owner, tag, archived }: ListOptions): ListFilter {
  return {
    ...(search !== undefined && { search }),
    ...(status !== undefined && { status }),
    ...(owner !== undefined && { owner }),
    ...(tag !== undefined && { tag }),
    ...(archived !== undefined && { archived }),
  };
}

/** Owner and tags of a document, as a row has them. */
function labelsOf(owner: unknown, tags: unknown): Pick<CampaignSummary, 'owner' | 'tags'> {
  const shown = Array.isArray(tags) ? tags.filter((tag) => typeof tag === 'string') : [];
  return { ...(typeof owner === 'string' && { owner }), ...(shown.length > 0 && { tags: shown }) };
}

function isVisible(identity: Identity, row: CampaignSummary): boolean {
  return can(identity, CALL_ACTIONS.list, row.campaignId, row.status !== 'draft');
}

function asShown(view: View, row: CampaignSummary): VisibleSummary {
  const { owner, tags, updatedBy, title, status, ...visible } = row;
  return {
    ...visible,
    ...(showsActors(view) && { updatedBy }),
    title: hides(view, 'title') ? '' : title,
    status: hides(view, 'status') ? undefined : status,
    ...(owner !== undefined && !hides(view, 'owner_id') && { owner }),
    ...(tags && !hides(view, 'tags') && { tags: tags.slice(0, MAX_SHOWN_TAGS) }),
  };
}
