import { useEffect, useState } from 'react';
import type { CampaignClient, CampaignSnapshot } from '@campaign-state/client';
import { decide, keptConsent, type Consent } from './visitor.ts';

/** Asks the visitor whether it may be counted. Where it may, the page tells which arms it shows. */
export function Counting({
  client,
  campaign: { campaignId, position, isViewerPending, assignments },
}: {
  client: CampaignClient;
  campaign: CampaignSnapshot;
}) {
  const isKnown = position !== undefined && !isViewerPending;
  const [consent, setConsent] = useState<Consent>(keptConsent);
  const [isStarted, setStarted] = useState(false);

  // By its answer of an earlier visit, or by the one it gives now.
  useEffect(() => {
    let isCurrent = true;
    // Where its code cannot be loaded, nothing is counted.
    if (consent !== undefined && campaignId !== undefined)
      decide(client, consent, campaignId).then(
        () => isCurrent && setStarted(consent === 'given'),
        () => undefined,
      );
    return () => {
      isCurrent = false;
    };
  }, [client, campaignId, consent]);

  useEffect(() => {
    if (!isStarted || !isKnown || campaignId === undefined) return;
    for (const rule of Object.keys(assignments)) client.campaign(campaignId).expose(rule);
  }, [client, campaignId, assignments, isKnown, isStarted]);

  if (consent === undefined)
    return (
      <aside className="counting" aria-label="Counting">
        <p>May this page count what you see and do? It knows you by a random number alone.</p>
        <p className="counting-buttons">
          <button type="button" onClick={() => setConsent('given')}>
            Yes, count me
          </button>
          <button type="button" onClick={() => setConsent('refused')}>
            No
          </button>
        </p>
      </aside>
    );
  return (
    <aside className="counting" aria-label="Counting" data-decided>
      <p role="status">{consent === 'given' ? 'You are counted.' : 'You are not counted.'}</p>
      <button
        type="button"
        className="text-button"
        onClick={() => {
          setStarted(false);
          setConsent(consent === 'given' ? 'refused' : 'given');
        }}
      >
        {consent === 'given' ? 'Stop that' : 'Count me'}
      </button>
    </aside>
  );
}
