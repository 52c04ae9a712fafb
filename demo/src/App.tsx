import { CampaignProvider } from '@campaign-state/client/react';
import type { CampaignClient } from '@campaign-state/client';
import { LedgerProvider } from './measure/ledger-context.ts';
import type { Ledger } from './measure/ledger.ts';
import { Boundary } from './status/Boundary.tsx';
import { Studio } from './Studio.tsx';
import { openCampaign, usePlace } from './ways/place.ts';

/**
 * Two panes with a client each: what an editor does in the one is seen in the other only once the server has sent it
 * there.
 */
export function App({ editor, visitor, ledger }: { editor: CampaignClient; visitor: CampaignClient; ledger: Ledger }) {
  const { campaign: campaignId } = usePlace();
  return (
    <Boundary what="The console">
      <CampaignProvider client={editor} {...(campaignId !== undefined && { campaignId })}>
        <LedgerProvider value={ledger}>
          <Studio visitor={visitor} select={openCampaign} />
        </LedgerProvider>
      </CampaignProvider>
    </Boundary>
  );
}
