import type { Campaign, CampaignClient } from '../types.ts';
import { changedFlags, evaluate, type Evaluation, type FlagKind } from './evaluation.ts';

/** What happens to a provider, in OpenFeature's words. */
export interface FlagEvents {
  readonly ready: () => void;
  /** Values are the last known ones; the link is away. */
  readonly stale: () => void;
  readonly changed: (flags: string[]) => void;
  readonly failed: (message: string) => void;
}

export interface FlagSource {
  /** Resolves when there are values; rejects where there will be none. */
  readonly initialize: () => Promise<void>;
  readonly close: () => Promise<void>;
  readonly evaluate: (key: string, kind: FlagKind) => Evaluation;
  readonly metadata: () => { campaignId: string; version: number };
}

/** A campaign's live stream as a source of flags, for providers of every platform. */
export function createFlagSource(
  client: CampaignClient,
  campaignId: string | undefined,
  events: FlagEvents,
): FlagSource {
  const campaign: Campaign = client.campaign(campaignId);
  const isConnected = () => client.connection.getSnapshot().status === 'connected';
  let stops: (() => void)[] = [];
  let shown = campaign.getSnapshot().state;
  let ready = false;
  let stale = false;

  function look(): void {
    const { status, state, error } = campaign.getSnapshot();
    if (status === 'error') {
      if (ready) events.failed(error?.message ?? 'The campaign cannot be read');
      return;
    }
    const flags = changedFlags(shown, state);
    shown = state;
    if (ready && flags.length > 0) events.changed(flags);
  }

  function lookAtLink(): void {
    if (!ready || stale === !isConnected()) return;
    stale = !isConnected();
    if (stale) events.stale();
    else events.ready();
  }

  return {
    async initialize() {
      stops = [campaign.subscribe(look), client.connection.subscribe(lookAtLink)];
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
      shown = campaign.getSnapshot().state;
      ready = true;
    },
    async close() {
      ready = false;
      for (const stop of stops.splice(0)) stop();
    },
    evaluate: (key, kind) => evaluate(campaign.getSnapshot(), key, kind, isConnected()),
    metadata() {
      const { campaignId: id = '', version } = campaign.getSnapshot();
      return { campaignId: id, version };
    },
  };
}
