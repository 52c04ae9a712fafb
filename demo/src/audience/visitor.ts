import type { CampaignClient, Viewer } from '@campaign-state/client';
import type { TrackingOptions } from '@campaign-state/client/analytics';
import { keptToken } from '../connect.ts';
import { readStored, writeStored } from '../storage.ts';

const DEVICE = 'campaign-state-device';
const CONSENT = 'campaign-state-consent';

/** Whether the visitor lets the page count what it sees and does; `undefined` before it was asked. */
export type Consent = 'given' | 'refused' | undefined;

/** The visitor, by a random number that this browser keeps: two tabs and a reload are one. */
export function visitor(): Viewer {
  const deviceId = readStored(DEVICE) ?? crypto.randomUUID();
  writeStored(DEVICE, deviceId);
  return { attributes: { deviceId } };
}

export function keptConsent(): Consent {
  const kept = readStored(CONSENT);
  return kept === 'given' || kept === 'refused' ? kept : undefined;
}

/** How the page tells of its visitor: nothing before it may. */
export function trackingFor(consent: Consent): TrackingOptions {
  return { consent: consent === 'given', beacon: { url: location.origin, token: keptToken() } };
}

/**
 * Keeps what the visitor has decided, and holds to it from now on: what was not sent yet is forgotten. Where it may be
 * counted, the versions that its page paints are.
 */
export async function decide(
  client: CampaignClient,
  consent: 'given' | 'refused',
  campaignId: string | undefined,
): Promise<void> {
  writeStored(CONSENT, consent);
  const { startTracking } = await import('@campaign-state/client/analytics');
  startTracking(client, trackingFor(consent)).reportPaints(1, campaignId);
}
