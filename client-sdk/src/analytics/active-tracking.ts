import type { CampaignClient } from '../types.ts';
import type { Tracking } from './tracking.ts';

/** The tracking of each client that has any: what hooks and flags look for, without loading it. */
const active = new WeakMap<CampaignClient, Tracking>();

export function setTracking(client: CampaignClient, tracking: Tracking | undefined): void {
  if (tracking) active.set(client, tracking);
  else active.delete(client);
}

/** The client's tracking; `undefined` where none was started. */
export function trackingOf(client: CampaignClient): Tracking | undefined {
  return active.get(client);
}
