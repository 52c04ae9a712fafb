// Node's own speaks in Node's events, which jsdom replaces.
import { WebSocket } from 'ws';
import { startTracking, type Tracking } from '../../../client-sdk/src/analytics/index.ts';
import type { CampaignClient, CampaignClientOptions, KeyValueStorage } from '../../../client-sdk/src/index.ts';
import type { RuleInput } from '../../../server/core/document/targeting-fields.ts';
import { client, later, proxyOf, server } from '../support/world.ts';

const RULE: RuleInput = {
  order: 1,
  status: 'running',
  unit: 'userId',
  fallbackUnit: 'deviceId',
  coverage: 1,
  arms: { red: { weight: 1, change: {} }, blue: { weight: 1, change: { merge: { theme: { accent: 'blue' } } } } },
  metrics: {
    leads: { goal: 'lead', type: 'conversion', better: 'up', role: 'goal' },
    revenue: { goal: 'paid', type: 'sum', better: 'up', role: 'goal' },
  },
};

export const DEVICE = { attributes: { deviceId: 'd-1' } };
export const LOGGED_IN = { attributes: { deviceId: 'd-1', userId: 'u-1' } };

/** A server with a rule that is measured, pages of it, and what they tell. */
export async function measured() {
  const running = await server();
  const wire = await proxyOf(running);
  const editor = client(running.url, { WebSocket });
  await editor.trpc.campaign.updateRule.mutate({ campaignId: 'spring', key: 'colour', rule: RULE });
  /** Frames that pages have sent to tell events. */
  const told: string[] = [];
  class Told extends WebSocket {
    constructor(address: string) {
      super(address);
      const send = this.send.bind(this);
      this.send = (data: unknown) => {
        if (typeof data !== 'string') throw new TypeError('the SDK sends text');
        if (data.includes('analytics.track')) told.push(data);
        send(data);
      };
    }
  }
  const page = (viewer = DEVICE, options: Partial<CampaignClientOptions> = {}): CampaignClient =>
    client(wire.url, { WebSocket: Told, viewer, ...options });
  const counted = async () => {
    const { arms, metrics, unverified } = await editor.trpc.analytics.results.query({
      campaignId: 'spring',
      rule: 'colour',
    });
    const units = arms.reduce((sum, arm) => sum + arm.units, 0);
    const [leads = [], revenue = []] = [metrics['leads']?.arms, metrics['revenue']?.arms];
    return {
      units,
      unverified: unverified.units,
      leads: leads.reduce((sum, arm) => sum + arm.conversions, 0),
      revenue: revenue.reduce((sum, arm) => sum + arm.sum, 0),
    };
  };
  return { wire, page, counted, told, editor, url: running.url };
}

/** Stopped after the test. */
export function tracked(made: CampaignClient, options: Parameters<typeof startTracking>[1] = {}): Tracking {
  const tracking = startTracking(made, options);
  later(() => tracking.stop());
  return tracking;
}

/** A storage that outlives pages. */
export function storage(): KeyValueStorage & { readonly kept: Map<string, string> } {
  const kept = new Map<string, string>();
  return {
    kept,
    getAllKeys: async () => [...kept.keys()],
    getItem: async (key) => kept.get(key) ?? null,
    setItem: async (key, value) => void kept.set(key, value),
    removeItem: async (key) => void kept.delete(key),
  };
}
