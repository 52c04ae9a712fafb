import { useId } from 'react';
import type { ReactNode } from 'react';
import { trpc, useAccess, useCampaign, useCampaignSnapshot } from '@campaign-state/client/react';
import { Lifecycle } from './campaigns/Lifecycle.tsx';
import { Ago } from './history/Ago.tsx';
import { SectionLocks } from './locks/SectionLocks.tsx';
import { WhereIAm } from './people/WhereIAm.tsx';
import { lazyPart } from './status/lazy-part.tsx';
import { Problem } from './status/Problem.tsx';
import { MissingCampaign } from './campaigns/MissingCampaign.tsx';
import { EDITOR, useKeptFocus } from './ways/use-kept-focus.ts';
import { ContentPanel } from './editing/ContentPanel.tsx';
import { DetailsPanel } from './editing/DetailsPanel.tsx';
import { KeptWords } from './editing/KeptWords.tsx';
import { useClosing } from './editing/use-closing.ts';
import { FeaturesPanel } from './editing/FeaturesPanel.tsx';
import { Tabs } from './editing/Tabs.tsx';
import { ThemePanel } from './editing/ThemePanel.tsx';

const HistoryPanel = lazyPart('The history', async () => (await import('./history/HistoryPanel.tsx')).HistoryPanel);
const SectionsPanel = lazyPart('The text', async () => (await import('./sections/SectionsPanel.tsx')).SectionsPanel);
const TargetingPanel = lazyPart(
  'The audience',
  async () => (await import('./targeting/TargetingPanel.tsx')).TargetingPanel,
);
const ResultsPanel = lazyPart('The results', async () => (await import('./results/ResultsPanel.tsx')).ResultsPanel);
const SectionFormsPanel = lazyPart(
  'The forms',
  async () => (await import('./editing/forms/SectionFormsPanel.tsx')).default,
);

/** Everything an editor changes of one campaign; where it may not be changed, everything there is to see, and why. */
export function Editor() {
  const status = useCampaignSnapshot((snapshot) => snapshot.status);
  const error = useCampaignSnapshot((snapshot) => snapshot.error);
  const archivedAt = useCampaignSnapshot((snapshot) => snapshot.archivedAt);
  const title = useCampaign((document) => document.title);
  const { mayEdit, mayAdminister, mayWrite } = useAccess();
  const notice = useId();
  const isArchived = archivedAt !== undefined;
  const closing = useClosing(isArchived);
  useKeptFocus(EDITOR, `${status} ${isArchived} ${closing.isClosed}`);
  if (status === 'error' && error?.reason === 'NOT_FOUND')
    return (
      <div>
        <MissingCampaign error={error} />
        <KeptWords isOpen={false} />
      </div>
    );
  if (status === 'error') return <Problem title="This campaign cannot be opened" error={error} />;
  if (status === 'pending') return <div className="skeleton" role="status" aria-label="Loading the campaign" />;
  const readOnly = closing.isClosed || !mayEdit;
  const fields = (panel: ReactNode, field?: string) => (
    <fieldset
      className="fields"
      disabled={readOnly || (field !== undefined && !mayWrite(field))}
      {...(readOnly && { 'aria-describedby': notice })}
    >
      {panel}
    </fieldset>
  );
  return (
    <section
      className="editor"
      id="editor"
      tabIndex={-1}
      aria-label={`Edit ${title ?? 'the campaign'}`}
      onBlur={closing.onBlur}
    >
      {(readOnly || isArchived) && (
        <div className="notice">
          <p id={notice} role="status">
            {isArchived ? (
              <>
                <strong>Archived</strong> <Ago at={archivedAt} />
                <ArchivedBy />, and therefore read-only.
              </>
            ) : (
              <>
                <strong>Read-only.</strong> Your role lets you look at this campaign, not edit it.
              </>
            )}
          </p>
          {isArchived && mayAdminister && <Lifecycle action="restore" />}
        </div>
      )}
      <KeptWords isOpen={!isArchived && mayEdit} />
      <WhereIAm>
        <SectionLocks>
          <Tabs
            label="What to edit"
            isReadOnly={readOnly}
            tabs={[
              { name: 'Content', panel: () => fields(<ContentPanel readOnly={readOnly} />) },
              {
                name: 'Features',
                panel: () => fields(<FeaturesPanel readOnly={readOnly || !mayWrite('features')} />, 'features'),
              },
              { name: 'Forms', panel: () => <SectionFormsPanel readOnly={readOnly} mayWrite={mayWrite} /> },
              { name: 'Theme', panel: () => fields(<ThemePanel readOnly={readOnly || !mayWrite('theme')} />, 'theme') },
              {
                name: 'Details',
                panel: () => (
                  <>
                    {fields(<DetailsPanel />)}
                    {!isArchived && mayAdminister && (
                      <div className="lifecycle">
                        <p>No longer needed? An archived campaign cannot be edited, and can be restored.</p>
                        <Lifecycle action="archive" />
                      </div>
                    )}
                  </>
                ),
              },
              ...(mayEdit ? [{ name: 'Audience', panel: () => <TargetingPanel readOnly={readOnly} /> }] : []),
              { name: 'Results', panel: () => <ResultsPanel /> },
              { name: 'JSON', panel: () => <SectionsPanel readOnly={readOnly} mayWrite={mayWrite} /> },
              { name: 'History', panel: () => <HistoryPanel readOnly={readOnly} /> },
            ]}
          />
        </SectionLocks>
      </WhereIAm>
    </section>
  );
}

/** Who has archived it, and why, as the history says. */
function ArchivedBy() {
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId) ?? '';
  const version = useCampaignSnapshot((snapshot) => snapshot.version);
  const { data } = trpc.campaign.history.useQuery(
    { campaignId, cursor: version + 1, limit: 1 },
    { staleTime: Infinity, retry: false },
  );
  const entry = data?.items.find(({ type }) => type === 'archive');
  if (!entry) return undefined;
  return (
    <>
      {' '}
      by {entry.actor.id}
      {entry.comment !== undefined && (
        <>
          {' '}
          (<q dir="auto">{entry.comment}</q>)
        </>
      )}
    </>
  );
}
