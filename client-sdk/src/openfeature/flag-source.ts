import type { Campaign, CampaignClient } from '../types.ts';
import { changedFlags, evaluate, type Evaluation, type FlagKind } from './evaluation.ts';

/** OpenFeature's provider events. */
export interface FlagEvents {
  readonly ready: () => void;
  /** Values are the last known ones: there is no connection. */
  readonly stale: () => void;
  readonly changed: (flags: string[]) => void;
  readonly failed: (message: string) => void;
}

/** What the providers of all platforms share. */
export interface FlagSource {
  /** Resolves with the first snapshot; rejects where the campaign cannot be read. */
  readonly initialize: () => Promise<void>;
  readonly close: () => Promise<void>;
  readonly evaluate: (key: string, kind: FlagKind) => Evaluation;
  readonly metadata: () => { campaignId: string; version: number };
}

/** Makes flags of a campaign's live stream. */
export function createFlagSource(
  client: CampaignClient,
  campaignId: string | undefined,
  events: FlagEvents,
): FlagSource {
  const campaign: Campaign = client.campaign(campaignId);
  const isConnected = () => client.connection.getSnapshot().status === 'connected';
  let stops: (() => void)[] = [];
  let lastState = campaign.getSnapshot().state;
  let isReady = false;
  let isStale = false;

  function onCampaign(): void {
    const { status, state, error } = campaign.getSnapshot();
    if (status === 'error') {
      if (isReady) events.failed(error?.message ?? 'The campaign cannot be read');
      return;
    }
    const flags = changedFlags(lastState, state);
    lastState = state;
    if (isReady && flags.length > 0) events.changed(flags);
  }

  function onConnection(): void {
    if (!isReady || isStale === !isConnected()) return;
    isStale = !isConnected();
    if (isStale) events.stale();
    else events.ready();
  }

  return {
    async initialize() {
      stops = [campaign.subscribe(onCampaign), client.connection.subscribe(onConnection)];
      await new Promise<void>((resolve, reject) => {
        const stop = campaign.subscribe(settle);
        stops.push(stop);
        function settle(): void {
          const { status, error } = campaign.getSnapshot();
          if (status === 'pending') return;
          stop();
          if (error) reject(error);
          else resolve();
        }
        settle();
      });
      lastState = campaign.getSnapshot().state;
      isReady = true;
    },
    async close() {
      isReady = false;
      for (const stop of stops.splice(0)) stop();
    },
    evaluate: (key, kind) => evaluate(campaign.getSnapshot(), key, kind, isConnected()),
    metadata() {
      const { campaignId: id = '', version } = campaign.getSnapshot();
      return { campaignId: id, version };
    },
  };
}
