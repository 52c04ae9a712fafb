import { useCallback, useEffect } from 'react';
import { CampaignProvider } from '@campaign-state/client/react';
import type { CampaignClient } from '@campaign-state/client';
import { useViewers } from '@campaign-state/client/react/presence';
import { setPreview, usePreview } from './history/preview.ts';
import { VersionPage } from './history/VersionPage.tsx';
import { useLedger } from './measure/ledger-context.ts';
import { sayViewer, useMadeUpViewer, viewerOf } from './targeting/made-up-viewer.ts';
import { ConnectionPill } from './status/ConnectionPill.tsx';
import { reportPaints } from './measure/report-paints.ts';
import { LiveAudience } from './audience/LiveAudience.tsx';

/**
 * The second pane. It has a client and a connection of its own, so that it shows what any visitor would see, and no
 * sooner.
 */
export function AudiencePane({ client, campaignId }: { client: CampaignClient; campaignId: string | undefined }) {
  const ledger = useLedger();
  const onPaint = useCallback(
    (version: number) => {
      if (campaignId !== undefined) ledger.painted(campaignId, version);
    },
    [ledger, campaignId],
  );
  const viewers = useViewers();
  const [viewer, change] = useMadeUpViewer();
  const { isShown } = viewer;
  const version = usePreview();
  useEffect(() => client.setViewer(isShown ? viewerOf(viewer) : undefined), [client, viewer, isShown]);
  useEffect(() => reportPaints(client, campaignId), [client, campaignId]);
  return (
    <section className="pane audience-pane" aria-label="The page as its audience sees it">
      <header className="pane-header">
        <h2>Audience</h2>
        <CampaignProvider client={client}>
          <ConnectionPill of="The audience's connection" />
        </CampaignProvider>
        {viewers > 0 && (
          <span className="viewers" title="Open pages of this campaign, these two panes included">
            {viewers} watching
          </span>
        )}
        {isShown && (
          <button type="button" className="small" onClick={() => change({ isShown: false })}>
            As {sayViewer(viewer)} ×
          </button>
        )}
        {version !== undefined && (
          <button type="button" className="small" onClick={() => setPreview(undefined)}>
            As it was at v{version} ×
          </button>
        )}
        {campaignId !== undefined && (
          // The token is kept for this tab, and only a page that knows who opened it is given a copy.
          <a href={`/audience.html?campaign=${campaignId}`} target="_blank" rel="opener">
            Open alone
          </a>
        )}
      </header>
      <div className="page-frame">
        {version === undefined ? (
          <CampaignProvider client={client} {...(campaignId !== undefined && { campaignId })}>
            <LiveAudience key={campaignId} onPaint={onPaint} />
          </CampaignProvider>
        ) : (
          <VersionPage version={version} viewer={isShown ? viewerOf(viewer) : undefined} />
        )}
      </div>
    </section>
  );
}
