import type { ReactNode } from 'react';
import { useCampaignState } from '@campaign-state/client/react';
import { HistoryPanel } from '../history/HistoryPanel.tsx';
import { Problem } from '../status/Problem.tsx';
import { ContentPanel } from './ContentPanel.tsx';
import { FeaturesPanel } from './FeaturesPanel.tsx';
import { Tabs } from './Tabs.tsx';
import { ThemePanel } from './ThemePanel.tsx';

/** Everything an editor changes of one campaign. */
export function Editor() {
  const { status, error, archivedAt, state } = useCampaignState();
  if (status === 'error') return <Problem title="This campaign cannot be opened" error={error} />;
  if (status === 'pending') return <div className="skeleton" role="status" aria-label="Loading the campaign" />;
  const readOnly = archivedAt !== undefined;
  const fields = (panel: ReactNode) => (
    <fieldset className="fields" disabled={readOnly}>
      {panel}
    </fieldset>
  );
  return (
    <section className="editor" aria-label={`Edit ${state.title ?? 'the campaign'}`}>
      {readOnly && <p className="notice">This campaign is archived, and therefore read-only.</p>}
      <Tabs
        label="What to edit"
        tabs={[
          { name: 'Content', panel: () => fields(<ContentPanel />) },
          { name: 'Features', panel: () => fields(<FeaturesPanel />) },
          { name: 'Theme', panel: () => fields(<ThemePanel />) },
          { name: 'History', panel: () => <HistoryPanel readOnly={readOnly} /> },
        ]}
      />
    </section>
  );
}
