import { useCallback, useEffect, useId, useRef, useState } from 'react';
import { CampaignProvider, useAccess, useCampaignSnapshot } from '@campaign-state/client/react';
import type { CampaignClient } from '@campaign-state/client';
import { useViewers } from '@campaign-state/client/react/presence';
import { usePreview } from './history/preview.ts';
import { VersionPage } from './history/VersionPage.tsx';
import { useLedger } from './measure/ledger-context.ts';
import { LookBar, LookChips } from './pane/LookBar.tsx';
import { useLook } from './pane/look.ts';
import { PageSheet } from './pane/PageSheet.tsx';
import { SharePreview } from './pane/SharePreview.tsx';
import { VersionBar } from './pane/VersionBar.tsx';
import { sayViewer, useMadeUpViewer, viewerOf } from './targeting/made-up-viewer.ts';
import { Boundary } from './status/Boundary.tsx';
import { ConnectionPill } from './status/ConnectionPill.tsx';
import { reportPaints } from './measure/report-paints.ts';
import { AloneLink } from './ways/AloneLink.tsx';
import { useKeptFocus } from './ways/use-kept-focus.ts';
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
  const [look] = useLook();
  const { device, scheme, status } = look;
  const [isLookOpen, setLookOpen] = useState(false);
  const lookId = useId();
  const { mayEdit } = useAccess();
  const isLoaded = useCampaignSnapshot((snapshot) => snapshot.status === 'success');
  const isArchived = useCampaignSnapshot((snapshot) => snapshot.archivedAt !== undefined);
  useEffect(() => client.setViewer(isShown ? viewerOf(viewer) : undefined), [client, viewer, isShown]);
  useEffect(() => reportPaints(client, campaignId), [client, campaignId]);
  const pane = useRef<HTMLElement>(null);
  useKeptFocus(pane, `${isShown} ${version} ${device} ${scheme} ${status}`);
  return (
    <section ref={pane} className="pane audience-pane" tabIndex={-1} aria-label="The page as its audience sees it">
      <header className="pane-header">
        <h2>Audience</h2>
        <CampaignProvider client={client}>
          <ConnectionPill of="The audience's connection" />
        </CampaignProvider>
        <span className="viewers" title="Open pages of this campaign, these two panes included">
          {viewers > 0 && `${viewers} watching`}
        </span>
        {isShown && (
          <button type="button" className="small" onClick={() => change({ isShown: false })}>
            As {sayViewer(viewer)} ×
          </button>
        )}
        {!isLookOpen && <LookChips />}
        <div className="pane-tools">
          {campaignId !== undefined && isLoaded && mayEdit && <SharePreview campaignId={campaignId} />}
          <button
            type="button"
            className="small"
            aria-expanded={isLookOpen}
            aria-controls={lookId}
            onClick={() => setLookOpen((isOpen) => !isOpen)}
          >
            View
          </button>
          {campaignId !== undefined && <AloneLink campaignId={campaignId}>Open alone</AloneLink>}
        </div>
      </header>
      <div id={lookId} hidden={!isLookOpen}>
        {isLookOpen && <LookBar />}
      </div>
      {version !== undefined && campaignId !== undefined && (
        <VersionBar campaignId={campaignId} version={version} mayRestore={mayEdit && !isArchived} />
      )}
      <PageSheet
        look={look}
        page={campaignId ?? ''}
        occasion={JSON.stringify([campaignId, version, device, scheme, status, isShown])}
      >
        <Boundary key={`${campaignId} ${version}`} what="The page">
          {version === undefined ? (
            <CampaignProvider client={client} {...(campaignId !== undefined && { campaignId })}>
              <LiveAudience onPaint={onPaint} as={status} />
            </CampaignProvider>
          ) : (
            <VersionPage version={version} viewer={isShown ? viewerOf(viewer) : undefined} as={status} />
          )}
        </Boundary>
      </PageSheet>
    </section>
  );
}
