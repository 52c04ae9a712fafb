import { useEffect, useState } from 'react';
import type { CampaignClient, CampaignSnapshot } from '@campaign-state/client';
import { holdTo, keepConsent, keptConsent, onConsent, type Consent } from './visitor.ts';

/** What the visitor has decided, and whether this tab has heard of it from another one. */
interface Decision {
  readonly consent: Consent;
  readonly isHeard: boolean;
}

/** Asks the visitor whether it may be counted. Where it may, the page tells which arms it shows. */
export function Counting({
  client,
  campaign: { campaignId, position, isViewerPending, assignments },
}: {
  client: CampaignClient;
  campaign: CampaignSnapshot;
}) {
  const isKnown = position !== undefined && !isViewerPending;
  const [{ consent, isHeard }, setDecision] = useState<Decision>(() => ({ consent: keptConsent(), isHeard: false }));
  const [isStarted, setStarted] = useState(false);

  const decide = (given: NonNullable<Consent>): void => {
    keepConsent(given);
    setStarted(false);
    setDecision({ consent: given, isHeard: false });
  };

  // What it says in one tab holds in all of them.
  useEffect(
    () =>
      onConsent(() => {
        const kept = keptConsent();
        if (kept !== 'given') setStarted(false);
        // It is asked again, and meanwhile not counted.
        if (kept === undefined) holdTo(client, kept, campaignId, () => keptConsent() === kept).catch(() => undefined);
        setDecision({ consent: kept, isHeard: true });
      }),
    [client, campaignId],
  );

  // By its answer of an earlier visit, or by the one it gives now.
  useEffect(() => {
    let isCurrent = true;
    // The tab in which it was refused has told this one's tracking itself, and must not hear it back.
    const isTold = isHeard && consent === 'refused';
    // Where its code cannot be loaded, nothing is counted.
    if (consent !== undefined && campaignId !== undefined && !isTold)
      holdTo(client, consent, campaignId, () => isCurrent).then(
        () => isCurrent && setStarted(consent === 'given'),
        () => undefined,
      );
    return () => {
      isCurrent = false;
    };
  }, [client, campaignId, consent, isHeard]);

  useEffect(() => {
    if (!isStarted || !isKnown || campaignId === undefined) return;
    for (const rule of Object.keys(assignments)) client.campaign(campaignId).expose(rule);
  }, [client, campaignId, assignments, isKnown, isStarted]);

  if (consent === undefined)
    return (
      <aside className="counting" aria-label="Counting">
        <p>May this page count what you see and do? It knows you by a random number alone.</p>
        <p className="counting-buttons">
          <button type="button" onClick={() => decide('given')}>
            Yes, count me
          </button>
          <button type="button" onClick={() => decide('refused')}>
            No
          </button>
        </p>
      </aside>
    );
  return (
    <aside className="counting" aria-label="Counting" data-decided>
      <p role="status">{consent === 'given' ? 'You are counted.' : 'You are not counted.'}</p>
      <button type="button" className="text-button" onClick={() => decide(consent === 'given' ? 'refused' : 'given')}>
        {consent === 'given' ? 'Stop that' : 'Count me'}
      </button>
    </aside>
  );
}
