import { ErrorCode, OpenFeatureEventEmitter, ProviderEvents, type Provider } from '@openfeature/web-sdk';
import type { GoalName } from '../document.ts';
import type { CampaignClient } from '../types.ts';
import { createFlagSource } from './flag-source.ts';
import { resolve } from './resolution.ts';

/**
 * An OpenFeature provider for browsers and for React (`@openfeature/react-sdk`), fed by a campaign's live stream.
 *
 * The context of the evaluation is the client's viewer: another one takes no new connection.
 *
 * @param client stays yours: the provider does not close it
 * @param campaignId default: the server's default campaign
 * @example
 * await OpenFeature.setProviderAndWait(createOpenFeatureProvider(client, 'spring'));
 * OpenFeature.getClient().getBooleanValue('leaderboard', false);
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
    runsOn: 'client',
    events,
    initialize: source.initialize,
    onContextChange: (_before, context) => source.setContext(context),
    // Of the details only the value is counted. OpenFeature's names are any.
    track: (name, _context, details) => client.campaign(campaignId).track(name as GoalName, { value: details?.value }),
    onClose: source.close,
    resolveBooleanEvaluation: (key, defaultValue) => resolve(source, ErrorCode, key, 'boolean', defaultValue),
    resolveStringEvaluation: (key, defaultValue) => resolve(source, ErrorCode, key, 'string', defaultValue),
    resolveNumberEvaluation: (key, defaultValue) => resolve(source, ErrorCode, key, 'number', defaultValue),
    resolveObjectEvaluation: (key, defaultValue) => resolve(source, ErrorCode, key, 'object', defaultValue),
  };
}
