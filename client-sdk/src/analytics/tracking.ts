import type { Position } from '../../../server/core/stream/position.ts';
import type { Assignment } from '../../../server/core/targeting/evaluate.ts';
import { systemClock, type Clock } from '../clock.ts';
import type { DeviceStorage, TabChannel } from '../device/device-storage.ts';
import { keyValueStorage, type KeyValueStorage } from '../device/key-value-storage.ts';
import { onPageHidden } from '../device/page-hidden.ts';
import { storageWithDeadlines } from '../device/storage-deadlines.ts';
import type { GoalName } from '../document.ts';
import { sendBeacon, type BeaconTarget } from '../link/beacon.ts';
import type { AppState } from '../link/network.ts';
import { CONSOLE, type Logger } from '../logger.ts';
import type { Campaign, CampaignClient, GoalOptions } from '../types.ts';
import { activeTracking } from './active-tracking.ts';
import { createEventBatches, type EventBatch } from './event-batches.ts';
import type { EventRecorder, RecordedMoment } from './recorded-event.ts';

/** Options of {@link startTracking}. */
export interface TrackingOptions {
  /**
   * `false`: nothing is sent and nothing stored, until `setConsent(true)`, and what an earlier page has left unsent is
   * forgotten. Default true.
   */
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

/** What `tracking.track` tells a goal with. */
export interface GoalDetails extends GoalOptions {
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
   * The viewer has done something that metrics count. Before anything of the campaign has come it waits for that.
   *
   * @example tracking.track('paid', { value: 19.9 });
   */
  readonly track: (name: GoalName, details?: GoalDetails) => void;
  /**
   * `false` forgets what is not sent yet, and tells nothing from then on. So do the other tabs of this browser, but
   * where the app has given a `storage` of its own. `true` is for this page alone.
   */
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
/** Goals that wait for the first snapshot of their campaign. */
const MAX_EARLY_GOALS = 100;
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
  const before = activeTracking.get(client)?.tracking;
  // Else what it has gathered would be sent as it stops.
  if (options.consent === false) before?.setConsent(false);
  before?.stop().catch(() => undefined);
  const { clock = systemClock, beacon, logger = CONSOLE } = options;
  const exposed = new Set<string>();
  let consent = options.consent ?? true;
  let stopped = false;
  const device = openDevice(options.storage, clock);
  // Where the device cannot be opened, nothing is on it.
  const tabs = device.then((opened) => opened?.tabs).catch(() => undefined);

  const batches = createEventBatches({
    clock,
    storage: device.then((opened) => opened?.storage),
    send: (batch, signal) => client.trpc.analytics.track.mutate({ ...batch, sentAt: clock.now() }, { signal }),
    isClosed,
    onDropped: (batch, reason) =>
      logger.warn(`campaign-state: ${batch.events.length} events will not be counted`, reason),
  });

  function isClosed(): boolean {
    return client.connection.getSnapshot().status === 'closed';
  }

  const now = (campaign: Pick<Campaign, 'getSnapshot'>): RecordedMoment => {
    return { snapshot: campaign.getSnapshot(), viewer: client.viewer(), at: clock.now() };
  };

  const expose = (
    rule: string,
    rendered: Rendered | undefined,
    { snapshot: { campaignId, position, assignments, isViewerPending }, viewer, at }: RecordedMoment,
  ): void => {
    const assignment = rendered?.assignment ?? (Object.hasOwn(assignments, rule) ? assignments[rule] : undefined);
    const { arm, phase } = assignment ?? {};
    const shownAt = rendered?.position ?? position;
    // Before anything is shown there is no position that it could be told of.
    if (campaignId === undefined || shownAt === undefined || arm === undefined || phase === undefined) return;
    const key = JSON.stringify([campaignId, rule, phase, viewer]);
    if (isViewerPending || exposed.has(key) || exposed.size >= MAX_EXPOSED) return;
    exposed.add(key);
    batches.add(campaignId, viewer, { kind: 'exposure', rule, arm, phase, position: shownAt, at });
  };

  /** Goals of campaigns of which nothing has come yet: each with how to stop its waiting. */
  const early = new Set<() => void>();

  const record: EventRecorder = (campaign, event, moment) => {
    if (!consent || stopped) return;
    if (event.kind === 'exposure') return expose(event.rule, undefined, moment);
    const { campaignId, position } = moment.snapshot;
    if (campaignId !== undefined && position !== undefined) {
      const { name, value, viewer = moment.viewer } = event;
      const goal = { kind: 'goal', name, position, at: moment.at, ...(value !== undefined && { value }) } as const;
      return batches.add(campaignId, viewer, goal);
    }
    if (early.size >= MAX_EARLY_GOALS)
      return logger.warn('campaign-state: a goal of a campaign that was never seen will not be counted', event.name);
    const stop = campaign.subscribe(() => {
      const snapshot = campaign.getSnapshot();
      if (snapshot.position === undefined) return;
      end();
      record(campaign, event, { ...moment, snapshot });
    });
    const end = (): void => {
      stop();
      early.delete(end);
    };
    early.add(end);
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

  /** What stops each report of paints. */
  const painting = new Set<() => void>();

  async function withdraw(): Promise<void> {
    consent = false;
    exposed.clear();
    for (const end of early) end();
    await batches.clear();
  }

  const warnOfKept = (cause: unknown): void =>
    logger.warn('campaign-state: events that may not be counted are still on this device', cause);

  async function forget(): Promise<void> {
    const withdrawn = withdraw();
    // Once the client is closed they have been told, and cannot be told again.
    void tabs.then((others) => others?.forget()).catch(() => undefined);
    await withdrawn;
  }

  void tabs.then((others) => others?.onForget(() => void withdraw().catch(warnOfKept)));

  const tracking: Tracking = {
    expose(rule, campaignId, rendered) {
      if (consent && !stopped) expose(rule, rendered, now(client.campaign(campaignId)));
    },
    track(name, { campaignId, ...options } = {}) {
      const campaign = client.campaign(campaignId);
      record(campaign, { kind: 'goal', name, ...options }, now(campaign));
    },
    reportPaints(share, campaignId) {
      if (!consent || stopped || clock.random() >= share) return () => undefined;
      const page = clock
        .id()
        .replaceAll(/[^A-Za-z0-9_-]/g, '')
        .slice(0, 32);
      const campaign = client.campaign(campaignId);
      let reported = campaign.getSnapshot().position;
      const leave = campaign.subscribe(() => {
        const { campaignId: id, position } = campaign.getSnapshot();
        // The first one is what the page began with, not a change that reached it.
        const isChange = reported !== undefined && position !== undefined && position !== reported;
        reported = position;
        if (!isChange || id === undefined) return;
        afterPaint(clock, () => {
          if (!consent || stopped) return;
          batches.add(id, client.viewer(), { kind: 'paint', page, share, position, at: clock.now() });
        });
      });
      const end = (): void => {
        leave();
        painting.delete(end);
      };
      painting.add(end);
      return end;
    },
    setConsent(given) {
      if (given) consent = true;
      else forget().catch(warnOfKept);
    },
    flush: batches.flush,
    async stop() {
      if (stopped) return;
      end();
      await batches.flush();
      batches.stop();
      (await tabs)?.close();
    },
  };

  function end(): void {
    stopped = true;
    stopPageHidden();
    stopListening();
    for (const stop of [...early, ...painting]) stop();
  }

  // What waits is sent by the next page.
  const stopListening = client.connection.subscribe(() => {
    if (!isClosed()) return;
    end();
    batches.stop();
    void tabs.then((others) => others?.close());
  });
  if (!consent) batches.clear().catch(warnOfKept);
  activeTracking.set(client, { tracking, record, forget });
  return tracking;
}

/** Calls back when what was just rendered is on the screen: in the turn after the next frame. */
function afterPaint(clock: Pick<Clock, 'after'>, callback: () => void): void {
  if (typeof requestAnimationFrame === 'function') requestAnimationFrame(() => clock.after(0, callback));
  else clock.after(0, callback);
}

/** Where events are kept, and how the tabs that share it hear of a consent that was withdrawn. */
interface EventDevice {
  readonly storage: DeviceStorage<EventBatch>;
  readonly tabs?: TabChannel | undefined;
}

async function openDevice(given: KeyValueStorage | undefined, clock: Clock): Promise<EventDevice | undefined> {
  if (given) return { storage: storageWithDeadlines(keyValueStorage(given, DATABASE), clock) };
  if (typeof indexedDB === 'undefined') return undefined;
  const { indexedDbStorage, tabChannel } = await import('../device/browser-storage.ts');
  return { storage: storageWithDeadlines(indexedDbStorage(DATABASE), clock), tabs: tabChannel(DATABASE) };
}
