import type { Viewer } from '../../../server/core/document/targeting-fields.ts';
import type { JsonObject } from '../../../server/core/json.ts';
import { CampaignError, closedError } from '../errors.ts';
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
  /**
   * Resolves with the first snapshot; rejects where the campaign cannot be read, or not within 10 s.
   *
   * @param context becomes the client's viewer, where there is anything in it
   */
  readonly initialize: (context?: object) => Promise<void>;
  /** Makes the context the client's viewer; resolves once the server has said what that one sees, or after 10 s. */
  readonly setContext: (context: object) => Promise<void>;
  readonly close: () => Promise<void>;
  readonly evaluate: (key: string, kind: FlagKind) => Evaluation;
  readonly metadata: () => { campaignId: string; version: number };
}

/** After how long `initialize` gives up, in milliseconds. The provider becomes READY later, when the campaign comes. */
const INITIALIZE_TIMEOUT_MS = 10_000;

/** What the provider has said of itself last. */
type ProviderState = 'not-ready' | 'ready' | 'stale' | 'error';

/** Makes flags of a campaign's live stream. */
export function createFlagSource(
  client: CampaignClient,
  campaignId: string | undefined,
  events: FlagEvents,
): FlagSource {
  const campaign: Campaign = client.campaign(campaignId);
  const isConnected = () => client.connection.getSnapshot().status === 'connected';
  const stops: (() => void)[] = [];
  let last = campaign.getSnapshot();
  let state: ProviderState = 'not-ready';

  /** The state of the provider by what is known now. */
  function currentState(): ProviderState {
    const { status, position } = campaign.getSnapshot();
    if (status === 'error') return 'error';
    if (position === undefined) return state === 'error' ? 'error' : 'not-ready';
    return isConnected() ? 'ready' : 'stale';
  }

  /** Emits what has changed: first the state, then the flags. */
  function onChange(): void {
    const before = state;
    state = currentState();
    if (state !== before) {
      if (state === 'ready') events.ready();
      else if (state === 'stale') events.stale();
      else if (state === 'error') events.failed(failureMessage());
    }
    const shown = campaign.getSnapshot();
    if (shown.position === undefined) return;
    const flags = changedFlags(last, shown);
    last = shown;
    if (flags.length > 0) events.changed(flags);
  }

  function failureMessage(): string {
    const { error, failureReason } = campaign.getSnapshot();
    return (error ?? failureReason)?.message ?? 'The campaign cannot be read';
  }

  /** Resolves with the first snapshot; rejects with a refusal, where the app must act, and after the timeout. */
  function firstSnapshot(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const message = `The campaign could not be read within ${INITIALIZE_TIMEOUT_MS / 1_000} s: ${failureMessage()}`;
        end(new CampaignError({ reason: 'UNAVAILABLE', message, retryable: true }));
      }, INITIALIZE_TIMEOUT_MS);
      const watching = [campaign.subscribe(look), client.connection.subscribe(look)];
      stops.push(() => end(closedError()));

      function look(): void {
        const { position, error } = campaign.getSnapshot();
        const { status, error: refusal } = client.connection.getSnapshot();
        if (position !== undefined) end();
        else if (error) end(error);
        else if (status === 'needs-auth' || status === 'closed') end(refusal ?? closedError());
      }
      function end(error?: CampaignError): void {
        clearTimeout(timer);
        for (const stop of watching) stop();
        if (error) reject(error);
        else resolve();
      }
      look();
    });
  }

  return {
    async initialize(context = {}) {
      if (Object.keys(context).length > 0) client.setViewer(viewerOf(context));
      try {
        await firstSnapshot();
        state = 'ready';
      } catch (error) {
        state = 'error';
        throw error;
      } finally {
        last = campaign.getSnapshot();
        // Also after a failure: the campaign may come, and the provider is READY then.
        stops.push(campaign.subscribe(onChange), client.connection.subscribe(onChange));
      }
    },
    setContext(context) {
      client.setViewer(viewerOf(context));
      return new Promise((resolve) => {
        const timer = setTimeout(end, INITIALIZE_TIMEOUT_MS);
        const stop = campaign.subscribe(look);
        stops.push(end);
        function look(): void {
          const { isViewerPending, status } = campaign.getSnapshot();
          if (!isViewerPending || status === 'error') end();
        }
        function end(): void {
          clearTimeout(timer);
          stop();
          resolve();
        }
        look();
      });
    },
    async close() {
      state = 'not-ready';
      for (const stop of stops.splice(0)) stop();
    },
    evaluate: (key, kind) => evaluate(campaign.getSnapshot(), key, kind, isConnected()),
    metadata() {
      const { campaignId: id = '', version } = campaign.getSnapshot();
      return { campaignId: id, version };
    },
  };
}

/** An evaluation context as a viewer: dates become text, and what is no JSON is left out. */
export function viewerOf(context: object): Viewer {
  // An object's text is an object's.
  return { attributes: JSON.parse(JSON.stringify(context)) as JsonObject };
}
