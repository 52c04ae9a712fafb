import type { AnalyticsEvent } from '../../../server/core/analytics/analytics-event.ts';
import type { Position } from '../../../server/core/stream/position.ts';
import type { Assignment } from '../../../server/core/targeting/evaluate.ts';
import { systemClock, type Clock } from '../clock.ts';
import type { DeviceStorage } from '../device/device-storage.ts';
import { keyValueStorage, type KeyValueStorage } from '../device/key-value-storage.ts';
import { onPageHidden } from '../device/page-hidden.ts';
import type { GoalName } from '../document.ts';
import { sendBeacon, type BeaconTarget } from '../link/beacon.ts';
import type { AppState } from '../link/network.ts';
import { CONSOLE, type Logger } from '../logger.ts';
import type { CampaignClient } from '../types.ts';
import { setTracking, trackingOf } from './active-tracking.ts';
import { createEventBatches, type EventBatch } from './event-batches.ts';

/** Options of {@link startTracking}. */
export interface TrackingOptions {
  /** `false`: nothing is sent and nothing stored, until `setConsent(true)`. Default true. */
  readonly consent?: boolean | undefined;
  /**
   * Where events wait while there is no network, and over reloads. Default: IndexedDB where there is one, else the page
   * alone.
   */
  readonly storage?: KeyValueStorage | undefined;
  /**
   * The server's http address, and the token of a caller that needs one: what a page that is being left has not sent
   * yet is then handed to the browser (`fetch` with `keepalive`). Without it such events are sent on the next visit.
   */
  readonly beacon?: BeaconTarget | undefined;
  /** For platforms without pages: events are sent when the app leaves the foreground. */
  readonly appState?: AppState | undefined;
  /** Takes warnings. Default: the console. */
  readonly logger?: Logger | undefined;
  /** For tests. */
  readonly clock?: Clock | undefined;
}

/** An arm as it was on the screen. */
export interface Rendered {
  readonly assignment: Assignment;
  readonly position: Position;
}

/** What a goal is told with. */
export interface GoalDetails {
  /** For metrics of the type `sum`. */
  readonly value?: number | undefined;
  /** Default: the server's default campaign. */
  readonly campaignId?: string | undefined;
}

/** Tells the server what a viewer was shown, and did. Its functions are stable and need no `this`. */
export interface Tracking {
  /**
   * The viewer is shown its arm of that rule: told once by this page for each viewer, rule and phase; the server counts
   * tabs and reloads once. `useExperiment` calls it by itself. Without an arm nothing is told.
   *
   * @param rendered what is on the screen, where that is not what the campaign holds now
   */
  readonly expose: (rule: string, campaignId?: string, rendered?: Rendered) => void;
  /**
   * The viewer has done something that metrics count.
   *
   * @example tracking.track('paid', { value: 19.9 });
   */
  readonly track: (name: GoalName, details?: GoalDetails) => void;
  /** `false` forgets what is not sent yet, and tells nothing from then on. */
  readonly setConsent: (consent: boolean) => void;
  /**
   * Reports each version of a campaign that this page paints, for `analytics.reach`; while the returned function is not
   * called, it watches the campaign.
   *
   * @param share of pages that do so, from 0.0001 to 1: whether this one is among them is drawn once
   */
  readonly reportPaints: (share: number, campaignId?: string) => () => void;
  /** Sends what waits. */
  readonly flush: () => Promise<void>;
  /** Sends what waits, and stops. */
  readonly stop: () => Promise<void>;
}

/** Exposures that are remembered in the page, so that each is told once; the server counts each unit once anyway. */
const MAX_EXPOSED = 10_000;
const DATABASE = 'campaign-state-events';

/**
 * Starts telling the server of a client what its viewers are shown and do. Events wait in an outbox until they are
 * durable, on the device too, and count once however often they are sent.
 *
 * @example
 * const tracking = startTracking(client, { consent: hasConsented });
 * tracking.track('lead');
 */
export function startTracking(client: CampaignClient, options: TrackingOptions = {}): Tracking {
  trackingOf(client)
    ?.stop()
    .catch(() => undefined);
  const { clock = systemClock, beacon, logger = CONSOLE } = options;
  const exposed = new Set<string>();
  let consent = options.consent ?? true;
  let stopped = false;

  const batches = createEventBatches({
    clock,
    storage: openStorage(options.storage),
    send: (batch) => client.trpc.analytics.track.mutate({ ...batch, sentAt: clock.now() }),
    onDropped: (batch, reason) =>
      logger.warn(`campaign-state: ${batch.events.length} events were refused, and will not be counted`, reason),
  });

  const add = (campaignId: string | undefined, makeEvent: (position: Position) => AnalyticsEvent): void => {
    const snapshot = client.campaign(campaignId).getSnapshot();
    // Before anything is shown there is no position that it could be told of.
    if (!consent || stopped || snapshot.campaignId === undefined || snapshot.position === undefined) return;
    batches.add(snapshot.campaignId, client.viewer(), makeEvent(snapshot.position));
  };

  /** What the browser can still send while the page goes. */
  const sendBeacons = (): void => {
    if (!beacon) return;
    for (const batch of batches.pending())
      // Under the same ids as what is kept: if both arrive they count once.
      sendBeacon(beacon, 'analytics.track', { ...batch, sentAt: clock.now() });
  };

  const stopPageHidden = onPageHidden(() => {
    sendBeacons();
    void batches.flush();
  }, options.appState);

  const tracking: Tracking = {
    expose(rule, campaignId, rendered) {
      const { assignments, isViewerPending } = client.campaign(campaignId).getSnapshot();
      const assignment = rendered?.assignment ?? (Object.hasOwn(assignments, rule) ? assignments[rule] : undefined);
      const { arm, phase } = assignment ?? {};
      if (arm === undefined || phase === undefined || isViewerPending) return;
      const key = JSON.stringify([campaignId, rule, phase, client.viewer()]);
      if (exposed.has(key) || !consent || exposed.size >= MAX_EXPOSED) return;
      add(campaignId, (position) => {
        exposed.add(key);
        return { kind: 'exposure', rule, arm, phase, position: rendered?.position ?? position, at: clock.now() };
      });
    },
    track(name, { value, campaignId } = {}) {
      add(campaignId, (position) => ({
        kind: 'goal',
        name,
        position,
        at: clock.now(),
        ...(value !== undefined && { value }),
      }));
    },
    reportPaints(share, campaignId) {
      if (!consent || clock.random() >= share) return () => undefined;
      const page = clock
        .id()
        .replaceAll(/[^A-Za-z0-9_-]/g, '')
        .slice(0, 32);
      const campaign = client.campaign(campaignId);
      let reported = campaign.getSnapshot().position;
      return campaign.subscribe(() => {
        const { position } = campaign.getSnapshot();
        // The first one is what the page began with, not a change that reached it.
        const isChange = reported !== undefined && position !== undefined && position !== reported;
        reported = position;
        if (isChange)
          afterPaint(clock, () => add(campaignId, () => ({ kind: 'paint', page, share, position, at: clock.now() })));
      });
    },
    setConsent(given) {
      consent = given;
      if (given) return;
      exposed.clear();
      batches.clear();
    },
    flush: batches.flush,
    async stop() {
      if (stopped) return;
      stopped = true;
      stopPageHidden();
      if (trackingOf(client) === tracking) setTracking(client, undefined);
      await batches.flush();
      batches.stop();
    },
  };
  if (!consent) batches.clear();
  setTracking(client, tracking);
  return tracking;
}

/** Calls back when what was just rendered is on the screen: in the turn after the next frame. */
function afterPaint(clock: Pick<Clock, 'after'>, callback: () => void): void {
  if (typeof requestAnimationFrame === 'function') requestAnimationFrame(() => clock.after(0, callback));
  else clock.after(0, callback);
}

async function openStorage(given: KeyValueStorage | undefined): Promise<DeviceStorage<EventBatch> | undefined> {
  if (given) return keyValueStorage(given, DATABASE);
  if (typeof indexedDB === 'undefined') return undefined;
  const { indexedDbStorage } = await import('../device/browser-storage.ts');
  return indexedDbStorage(DATABASE);
}
