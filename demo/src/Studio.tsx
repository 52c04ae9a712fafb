import { useCampaignSnapshot, useConnection } from '@campaign-state/client/react';
import type { CampaignClient } from '@campaign-state/client';
import { AudiencePane } from './AudiencePane.tsx';
import { CampaignList } from './campaigns/CampaignList.tsx';
import { Editor } from './Editor.tsx';
import { SkipLink } from './ways/SkipLink.tsx';
import { Shortcuts } from './ways/Shortcuts.tsx';
import { Tour } from './ways/Tour.tsx';
import { usePageTitle } from './ways/use-page-title.ts';
import { UndoButtons } from './editing/UndoButtons.tsx';
import { Masthead } from './Masthead.tsx';
import { Faces } from './people/Faces.tsx';
import { Boundary } from './status/Boundary.tsx';
import { Caller } from './status/Caller.tsx';
import { RecoveryStrip } from './status/RecoveryStrip.tsx';
import { Refusals } from './status/Refusals.tsx';
import { SaveStatus } from './status/SaveStatus.tsx';
import { TokenForm } from './status/TokenForm.tsx';

/** The whole screen. */
export function Studio({ visitor, select }: { visitor: CampaignClient; select: (campaignId: string) => void }) {
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId);
  const { status } = useConnection();
  usePageTitle();
  return (
    <div className="studio">
      <SkipLink />
      <Masthead />
      <RecoveryStrip />
      {status === 'needs-auth' && <TokenForm />}
      <main className="panes">
        <section className="pane console-pane" aria-label="Console">
          <header className="pane-header">
            <h2>Console</h2>
            <Caller />
            <Faces />
            <SaveStatus />
            <UndoButtons />
          </header>
          <Refusals />
          <div className="console-body">
            <Boundary what="The list">
              <CampaignList selected={campaignId} select={select} />
            </Boundary>
            <Boundary key={campaignId} what="The editor">
              <Editor />
            </Boundary>
          </div>
        </section>
        <AudiencePane client={visitor} campaignId={campaignId} />
      </main>
      <Tour />
      <Shortcuts />
    </div>
  );
}
