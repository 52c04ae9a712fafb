import { useRef, useState } from 'react';
import { useAccess, useCampaign, useConnection } from '@campaign-state/client/react';
import { useCampaignTable } from '@campaign-state/client/react/campaigns';
import type { ListedCampaign } from '@campaign-state/client/react/campaigns';
import { Problem } from '../status/Problem.tsx';
import { useSettled } from '../use-settled.ts';
import { useCommand } from '../ways/commands.ts';
import { useKeptFocus } from '../ways/use-kept-focus.ts';
import { BulkActions } from './BulkActions.tsx';
import { CreateCampaign } from './CreateCampaign.tsx';
import { Import } from './Import.tsx';
import { countFilters, EVERYTHING, queryOf } from './list-query.ts';
import { ListSearch } from './ListSearch.tsx';
import { OpenCampaign } from './OpenCampaign.tsx';
import { VirtualCampaigns } from './VirtualCampaigns.tsx';

/** How long somebody who types in the search has to pause before the server is asked, in milliseconds. */
const TYPING_MS = 180;

/** All campaigns, live, however many: searched, filtered and ordered by the server. */
export function CampaignList({
  selected,
  select,
}: {
  selected: string | undefined;
  select: (campaignId: string) => void;
}) {
  const { role, mayAdminister } = useAccess();
  const connection = useConnection();
  const title = useCampaign((document) => document.title) ?? '';
  const [wanted, setWanted] = useState(EVERYTHING);
  const asked = useSettled(wanted, TYPING_MS);
  const { status, error, total, rows, show } = useCampaignTable(queryOf(asked));
  const [isOpen, setOpen] = useState(false);
  const [from, setFrom] = useState<{ campaignId: string; title: string }>();
  const [chosen, setChosen] = useState<ReadonlyMap<string, ListedCampaign>>();
  const searchInput = useRef<HTMLInputElement>(null);
  const titleInput = useRef<HTMLInputElement>(null);
  const tools = useRef<HTMLDivElement>(null);
  const bulk = useRef<HTMLDivElement>(null);
  useKeptFocus(chosen ? bulk : tools, chosen === undefined);
  // What one may not do is not offered, nor what one perhaps may.
  const mayCreate = role !== undefined && mayAdminister;
  const listed = [...rows.values()];
  const isLoading = status === 'pending' && total === 0 && connection.status !== 'needs-auth';
  const isNarrowed = wanted.search.trim() !== '' || countFilters(wanted) > 0;
  const words = status === 'pending' ? '' : `${total === 1 ? '1 campaign' : `${total.toLocaleString('en')} campaigns`}`;
  const said = useSettled(isNarrowed ? words : '', 1_000);

  function reveal(input: HTMLInputElement | null): void {
    setOpen(true);
    requestAnimationFrame(() => input?.focus());
  }

  function showAll(): void {
    setWanted(EVERYTHING);
    searchInput.current?.focus();
  }

  function duplicate(): void {
    if (selected === undefined) return;
    setFrom({ campaignId: selected, title });
    reveal(titleInput.current);
  }

  function choose(campaign: ListedCampaign, isChosen: boolean): void {
    setChosen((now) => {
      const next = new Map(now);
      if (isChosen) next.set(campaign.campaignId, campaign);
      else next.delete(campaign.campaignId);
      return next;
    });
  }

  function open(campaignId: string): void {
    setOpen(false);
    select(campaignId);
  }

  useCommand({ name: 'search', label: 'Search campaigns', key: '/', run: () => reveal(searchInput.current) });
  useCommand(mayCreate && { name: 'create', label: 'New campaign', key: 'n', run: () => reveal(titleInput.current) });

  return (
    <nav className="campaigns" aria-label="Campaigns" data-open={isOpen}>
      <div className="campaigns-head">
        <h2>Campaigns</h2>
        <span className="count" aria-hidden="true">
          {words}
        </span>
        <button
          type="button"
          className="small campaigns-toggle"
          aria-expanded={isOpen}
          onClick={() => setOpen(!isOpen)}
        >
          {isOpen ? 'Close the list' : 'All campaigns'}
        </button>
      </div>
      <OpenCampaign
        row={listed.find(({ campaignId }) => campaignId === selected)}
        mayCreate={mayCreate}
        duplicate={duplicate}
      />
      <Import mayCreate={mayCreate} opened={open}>
        {(importButton) => (
          <div className="campaigns-all">
            {mayCreate && (
              <CreateCampaign input={titleInput} from={from} stopCopying={() => setFrom(undefined)} created={open} />
            )}
            <ListSearch
              input={searchInput}
              wanted={wanted}
              change={setWanted}
              owners={distinct(listed.flatMap(({ owner }) => owner ?? []))}
              tags={distinct(listed.flatMap(({ tags }) => tags ?? []))}
            />
            <div ref={tools} className="list-tools" tabIndex={-1} role="group" aria-label="With the list">
              {chosen === undefined && (total > 0 || isLoading) && (
                <button
                  type="button"
                  className="text-button"
                  disabled={total === 0}
                  onClick={() => setChosen(new Map())}
                >
                  Choose several
                </button>
              )}
              {importButton}
            </div>
            {chosen && (
              <BulkActions group={bulk} chosen={chosen} mayAdminister={mayCreate} clear={() => setChosen(undefined)} />
            )}
            <span className="visually-hidden" role="status">
              {said}
            </span>
            {isLoading && <div className="skeleton" role="status" aria-label="Loading the list" />}
            {status === 'error' && connection.status !== 'needs-auth' && (
              <Problem title="The list cannot be read" error={error} />
            )}
            {status === 'success' && total === 0 && !isNarrowed && (
              <p className="empty">
                {mayCreate ? 'No campaign yet. Create the first one above, or drop a file here.' : 'No campaign yet.'}
              </p>
            )}
            {status === 'success' && total === 0 && isNarrowed && (
              <p className="empty">
                Nothing like that.{' '}
                <button type="button" className="text-button" onClick={showAll}>
                  Show all campaigns
                </button>
              </p>
            )}
            {!isLoading && (
              <VirtualCampaigns
                isStale={status === 'pending'}
                total={total}
                rows={rows}
                show={show}
                openId={selected}
                open={open}
                chosen={chosen && new Set(chosen.keys())}
                choose={choose}
              />
            )}
          </div>
        )}
      </Import>
    </nav>
  );
}

function distinct(texts: readonly string[]): string[] {
  return [...new Set(texts)].toSorted();
}
