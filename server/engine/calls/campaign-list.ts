import { memberOf } from '../../core/document/document-tree.ts';
import { RefusalError } from '../../core/errors.ts';
import { CALL_ACTIONS, can, roleFor, type Identity } from '../../core/permissions.ts';
import { treeOf } from '../../core/stream/apply.ts';
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
import type { Archive, CampaignSummary, ListQuery } from '../ports.ts';
import type { ListOptions, Page, VisibleSummary } from '../service.ts';

export interface CampaignListOptions {
  readonly hosting: Pick<CampaignHost, 'peek'>;
  readonly archive: Pick<Archive, 'list'>;
  readonly views: Views;
}

/** Rows of the archive that a page is made of. */
export interface ListRows {
  readonly rows: readonly CampaignSummary[];
  readonly nextCursor: string | undefined;
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
  page(identity: Identity, options: ListOptions): Promise<Page<VisibleSummary, string>>;
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
    const title = memberOf(treeOf(live.content), 'title');
    const status = memberOf(treeOf(live.content), 'status');
    return {
      campaignId: row.campaignId,
      title: typeof title === 'string' ? title : row.title,
      status: typeof status === 'string' ? status : undefined,
      version: live.head.version,
      updatedAt: live.updatedAt,
      updatedBy: live.updatedBy,
      ...(archivedAt !== undefined && { archivedAt }),
    };
  };

  const authorise: CampaignList['authorise'] = (identity, { status }) => {
    // What a filter finds would reveal the status, too.
    if (status !== undefined && hidesAnywhere(identity, views, 'status'))
      throw new RefusalError('FORBIDDEN', 'status: your view does not show it', { path: ['status'] });
  };

  const read: CampaignList['read'] = async (identity, options) => {
    const { cursor, limit, status } = options;
    const ids = idsFor(identity, options);
    const query: ListQuery = {
      // One more than asked for shows whether there is a next page.
      limit: limit + 1,
      ...(cursor !== undefined && { cursor }),
      ...(status !== undefined && { status }),
      ...(ids && { ids }),
      ...(identity.anonymous === true && { publishedOnly: true }),
    };
    const found = await archive.list(query);
    const rows = found.slice(0, limit);
    return { rows, nextCursor: found.length > limit ? rows.at(-1)?.campaignId : undefined };
  };

  const show: CampaignList['show'] = (identity, rows, { status }) => {
    return rows
      .map(freshest)
      .filter((row) => isVisible(identity, row, status))
      .map((row) => asShown(viewFor(identity, row.campaignId, views), row));
  };

  return {
    authorise,
    read,
    show,
    async page(identity, options) {
      authorise(identity, options);
      const { rows, nextCursor } = await read(identity, options);
      return { items: show(identity, rows, options), nextCursor };
    },
    keyOf(identity, options) {
      const { cursor, limit, status } = options;
      const ids = idsFor(identity, options)?.toSorted();
      return JSON.stringify([
        viewsKey(identity, views),
        identity.anonymous === true,
        ids ?? '*',
        cursor ?? null,
        limit,
        status ?? null,
      ]);
    },
  };
}

function isVisible(identity: Identity, row: CampaignSummary, status: string | undefined): boolean {
  return (
    (status === undefined || row.status === status) &&
    can(identity, CALL_ACTIONS.list, row.campaignId, row.status !== 'draft')
  );
}

function asShown(view: View, row: CampaignSummary): VisibleSummary {
  if (view.kind === 'full') return row;
  const { updatedBy, title, status, ...visible } = row;
  return {
    ...visible,
    ...(showsActors(view) && { updatedBy }),
    title: hides(view, 'title') ? '' : title,
    status: hides(view, 'status') ? undefined : status,
  };
}
