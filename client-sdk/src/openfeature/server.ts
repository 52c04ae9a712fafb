import { ErrorCode, OpenFeatureEventEmitter, ProviderEvents, type Provider } from '@openfeature/server-sdk';
import type { GoalName } from '../document.ts';
import type { CampaignClient } from '../types.ts';
import { createFlagSource, viewerOf } from './flag-source.ts';
import { resolve } from './resolution.ts';

/**
 * An OpenFeature provider for services in Node, fed by a campaign's live stream.
 *
 * One stream serves all calls, so that flags are those of one viewer: the client's, or the context that the provider is
 * set with. Where each call has a context of its own, OFREP's provider evaluates it (`server/README.md`).
 *
 * @param client stays yours: the provider does not close it
 * @param campaignId default: the server's default campaign
 * @example
 * await OpenFeature.setProviderAndWait(createOpenFeatureProvider(client, 'spring'));
 * await OpenFeature.getClient().getBooleanValue('leaderboard', false);
 */
export function createOpenFeatureProvider(client: CampaignClient, campaignId?: string): Provider {
  const events = new OpenFeatureEventEmitter();
  const source = createFlagSource(client, campaignId, {
    ready: () => events.emit(ProviderEvents.Ready),
    stale: () => events.emit(ProviderEvents.Stale),
    changed: (flagsChanged) => events.emit(ProviderEvents.ConfigurationChanged, { flagsChanged }),
    failed: (message) => events.emit(ProviderEvents.Error, { message }),
  });

  return {
    metadata: { name: 'campaign-state' },
    runsOn: 'server',
    events,
    initialize: source.initialize,
    // Of whom the context names, else of the client's viewer; of the details only the value is counted.
    track(name, context, details) {
      const viewer = Object.keys(context).length > 0 ? viewerOf(context) : undefined;
      // OpenFeature's names are any.
      client.campaign(campaignId).track(name as GoalName, { value: details?.value, viewer });
    },
    onClose: source.close,
    resolveBooleanEvaluation: async (key, defaultValue) => resolve(source, ErrorCode, key, 'boolean', defaultValue),
    resolveStringEvaluation: async (key, defaultValue) => resolve(source, ErrorCode, key, 'string', defaultValue),
    resolveNumberEvaluation: async (key, defaultValue) => resolve(source, ErrorCode, key, 'number', defaultValue),
    resolveObjectEvaluation: async (key, defaultValue) => resolve(source, ErrorCode, key, 'object', defaultValue),
  };
}
