import type { CampaignClient } from '../types.ts';
import type { EventRecorder } from './recorded-event.ts';
import type { Tracking } from './tracking.ts';

/** A client's tracking, and what records the events of its campaigns. */
export interface ActiveTracking {
  readonly tracking: Tracking;
  readonly record: EventRecorder;
  /** Withdraws the consent; resolves once nothing is left on the device, and rejects where something is. */
  readonly forget: () => Promise<void>;
}

/**
 * The newest tracking of each client that has had any, which tells nothing once it was stopped: what the client, hooks
 * and flags look for, without loading it.
 */
export const activeTracking = new WeakMap<CampaignClient, ActiveTracking>();
