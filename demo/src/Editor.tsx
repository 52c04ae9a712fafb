import { lazy, useId, useRef } from 'react';
import type { ReactNode } from 'react';
import { useAccess, useCampaign, useCampaignSnapshot } from '@campaign-state/client/react';
import { Lifecycle } from './campaigns/Lifecycle.tsx';
import { Ago } from './history/Ago.tsx';
import { SectionLocks } from './locks/SectionLocks.tsx';
import { WhereIAm } from './people/WhereIAm.tsx';
import { Problem } from './status/Problem.tsx';
import { MissingCampaign } from './campaigns/MissingCampaign.tsx';
import { useKeptFocus } from './ways/use-kept-focus.ts';
import { ContentPanel } from './editing/ContentPanel.tsx';
import { DetailsPanel } from './editing/DetailsPanel.tsx';
import { FeaturesPanel } from './editing/FeaturesPanel.tsx';
import { Tabs } from './editing/Tabs.tsx';
import { ThemePanel } from './editing/ThemePanel.tsx';

const HistoryPanel = lazy(() => import('./history/HistoryPanel.tsx').then((file) => ({ default: file.HistoryPanel })));
const SectionsPanel = lazy(() =>
  import('./sections/SectionsPanel.tsx').then((file) => ({ default: file.SectionsPanel })),
);
const TargetingPanel = lazy(() =>
  import('./targeting/TargetingPanel.tsx').then((file) => ({ default: file.TargetingPanel })),
);
/** Its charts are loaded when they are looked at. */
const ResultsPanel = lazy(() => import('./results/ResultsPanel.tsx').catch(() => ({ default: NotLoaded })));

/** Everything an editor changes of one campaign; where it may not be changed, everything there is to see, and why. */
export function Editor() {
  const status = useCampaignSnapshot((snapshot) => snapshot.status);
  const error = useCampaignSnapshot((snapshot) => snapshot.error);
  const archivedAt = useCampaignSnapshot((snapshot) => snapshot.archivedAt);
  const title = useCampaign((document) => document.title);
  const { mayEdit, mayAdminister, mayWrite } = useAccess();
  const notice = useId();
  const element = useRef<HTMLElement>(null);
  useKeptFocus(element, `${status} ${archivedAt !== undefined}`);
  if (status === 'error' && error?.reason === 'NOT_FOUND') return <MissingCampaign error={error} />;
  if (status === 'error') return <Problem title="This campaign cannot be opened" error={error} />;
  if (status === 'pending') return <div className="skeleton" role="status" aria-label="Loading the campaign" />;
  const isArchived = archivedAt !== undefined;
  const readOnly = isArchived || !mayEdit;
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
    <section ref={element} className="editor" id="editor" tabIndex={-1} aria-label={`Edit ${title ?? 'the campaign'}`}>
      {readOnly && (
        <div className="notice">
          <p id={notice} role="status">
            {isArchived ? (
              <>
                <strong>Archived</strong> <Ago at={archivedAt} />, and therefore read-only.
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

function NotLoaded() {
  return (
    <p className="notice" role="status">
      The charts could not be loaded. Load the page again when there is a network.
    </p>
  );
}
