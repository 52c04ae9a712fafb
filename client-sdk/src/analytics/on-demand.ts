import type { ClientParts } from '../client.ts';
import type { Clock } from '../clock.ts';
import type { CampaignClient } from '../types.ts';
import { activeTracking } from './active-tracking.ts';
import type { EventRecorder } from './recorded-event.ts';
import { startTracking } from './tracking.ts';

/**
 * What records a client's events: `campaign.track` and `campaign.expose` start it where nobody has. What an app has
 * stopped does not start again.
 */
export function recorderFor(
  client: CampaignClient,
  { logger, appState, tracking }: ClientParts,
  clock: Clock,
): EventRecorder | undefined {
  if (!activeTracking.has(client)) startTracking(client, { clock, logger, appState, ...tracking });
  return activeTracking.get(client)?.record;
}

/** Forgets what an earlier page has not sent, where this one has told nothing so far. */
export async function forgetEvents(client: CampaignClient, parts: ClientParts, clock: Clock): Promise<void> {
  recorderFor(client, { ...parts, tracking: { ...parts.tracking, consent: false } }, clock);
  await activeTracking.get(client)?.forget();
}
