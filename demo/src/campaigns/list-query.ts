import type { CampaignStatus } from '@campaign-state/client';
import type { CampaignTableQuery, ListSort } from '@campaign-state/client/react/campaigns';

/** What somebody looks for in the list. */
export interface Wanted {
  readonly search: string;
  /** One of the document's, `archived`, or `any` of those that are not archived. */
  readonly status: CampaignStatus | 'archived' | 'any';
  readonly owner: string;
  readonly tag: string;
  readonly sort: ListSort;
}

export const EVERYTHING: Wanted = { search: '', status: 'any', owner: '', tag: '', sort: 'updated' };

export const STATUS_CHOICES = [
  { value: 'any', label: 'Any but archived' },
  { value: 'draft', label: 'Draft' },
  { value: 'active', label: 'Active' },
  { value: 'paused', label: 'Paused' },
  { value: 'ended', label: 'Ended' },
  { value: 'archived', label: 'Archived' },
] as const satisfies readonly { value: Wanted['status']; label: string }[];

export const SORT_CHOICES = [
  { value: 'updated', label: 'Last change' },
  { value: 'title', label: 'Title' },
  { value: 'id', label: 'Id' },
] as const satisfies readonly { value: ListSort; label: string }[];

/** What the server is asked for. */
export function queryOf({ search, status, owner, tag, sort }: Wanted): CampaignTableQuery {
  return {
    sort,
    archived: status === 'archived',
    ...(status !== 'any' && status !== 'archived' && { status }),
    ...(search.trim() !== '' && { search: search.trim() }),
    ...(owner.trim() !== '' && { owner: owner.trim() }),
    ...(tag.trim() !== '' && { tag: tag.trim() }),
  };
}

/** How many of the filters are set, the search left out. */
export function countFilters({ status, owner, tag }: Wanted): number {
  return [status !== 'any', owner.trim() !== '', tag.trim() !== ''].filter(Boolean).length;
}
