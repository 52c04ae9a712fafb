import type { CampaignClient, Viewer } from '@campaign-state/client';
import type { TrackingOptions } from '@campaign-state/client/analytics';
import { keptToken } from '../connect.ts';
import { randomHex } from '../random-hex.ts';
import { onStored, readStored, writeStored } from '../storage.ts';

const DEVICE = 'campaign-state-device';
const CONSENT = 'campaign-state-consent';

/** Whether the visitor lets the page count what it sees and does; `undefined` before it was asked. */
export type Consent = 'given' | 'refused' | undefined;

/** The visitor, by a random number that this browser keeps: two tabs and a reload are one. */
export function visitor(): Viewer {
  const deviceId = readStored(DEVICE) ?? randomHex(16);
  writeStored(DEVICE, deviceId);
  return { attributes: { deviceId } };
}

export function keptConsent(): Consent {
  const kept = readStored(CONSENT);
  return kept === 'given' || kept === 'refused' ? kept : undefined;
}

/** Calls back when the visitor has decided otherwise in another tab; returns how to stop that. */
export const onConsent = (callback: () => void): (() => void) => onStored(CONSENT, callback);

/** How the page tells of its visitor: nothing before it may. */
export function trackingFor(consent: Consent): TrackingOptions {
  return { consent: consent === 'given', beacon: { url: location.origin, token: keptToken() } };
}

/** Keeps what the visitor has decided here, for all its tabs and visits. */
export function keepConsent(consent: NonNullable<Consent>): void {
  writeStored(CONSENT, consent);
}

/**
 * Holds to what the visitor has decided from now on: where it may not be counted, what was not sent yet is forgotten,
 * in its other tabs too. Where it may, the versions that its page paints are counted. Where its decision was removed,
 * it may not.
 *
 * @param isCurrent whether it has not decided otherwise while the code was loading
 */
export async function holdTo(
  client: CampaignClient,
  consent: Consent,
  campaignId: string | undefined,
  isCurrent: () => boolean,
): Promise<void> {
  const { startTracking } = await import('@campaign-state/client/analytics');
  if (!isCurrent()) return;
  startTracking(client, trackingFor(consent)).reportPaints(1, campaignId);
}
