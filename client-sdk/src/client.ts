import { activeTracking } from './analytics/active-tracking.ts';
import type { RecordedEvent } from './analytics/recorded-event.ts';
import type { TrackingOptions } from './analytics/tracking.ts';
import type { Viewer } from '../../server/core/document/targeting-fields.ts';
import { createCampaignStore, type CampaignStore } from './campaign/campaign-store.ts';
import { createOpenCampaigns } from './campaigns/open-campaigns.ts';
import { CampaignError } from './errors.ts';
import { systemClock, type Clock } from './clock.ts';
import { guardCreation } from './creation/creation-guard.ts';
import { createConnection, type Connection } from './link/connection.ts';
import { callUntilAnswered } from './link/direct-call.ts';
import type { Device, DeviceCallbacks } from './device/device.ts';
import { DEVICE_TIMEOUT_MS } from './device/deadline.ts';
import { retryDelay } from './link/backoff.ts';
import type { KeyValueStorage } from './device/key-value-storage.ts';
import { createLeaveWarning } from './device/leave-warning.ts';
import { onPageHidden } from './device/page-hidden.ts';
import { CONSOLE, reporterOf, type Logger } from './logger.ts';
import { createDefaultCampaign } from './campaign/default-campaign.ts';
import type { SeenCampaign } from './device/snapshot-cache.ts';
import { AbsentSocket } from './link/absent-socket.ts';
import type { WebSocketConstructor } from './link/live-socket.ts';
import { canStreamOverHttp } from './link/transport-choice.ts';
import { networkOfApp, systemNetwork, type AppState, type Network } from './link/network.ts';
import { parseServerUrl } from './link/server-url.ts';
import type { TokenSource } from './link/token-provider.ts';
import type { Pending } from './sync/pending.ts';
import type { CampaignSeed } from './sync/seed.ts';
import { loadTreeWhenNeeded } from './sync/large-documents.ts';
import { countPageOnly, NO_DEVICE, type DeviceView } from './sync/sync-status.ts';
import type { Campaign, CampaignClient, ConflictPolicy } from './types.ts';
import { bounded } from './within.ts';

const NO_STORAGE = 'There is no IndexedDB, and no option storage';
const NOT_OPENED = 'It does not open';
const FORGOTTEN = 'Logged out in another tab';

/** Long enough for React's StrictMode, a route change, or a list that scrolls back; in milliseconds. */
const RELEASE_AFTER_MS = 5_000;

/** How long after the last keystroke in a field the next one still belongs to the same step, in milliseconds. */
const UNDO_GROUP_MS = 2_000;

/** How edits are grouped into steps of `undo`: a batch and a rollback are one each. */
export interface UndoOptions {
  /**
   * The longest pause between two updates of the same field by `pacedUpdate` that are one step, in milliseconds.
   * Default 2,000; `0`: every mutation is a step.
   */
  readonly groupMs?: number | undefined;
}

/** The options of a client. */
export interface CampaignClientOptions {
  /**
   * The server's address: `https://campaigns.example.com`, or `/` for the page's own origin. Where pages are rendered
   * on a server, a path is good for rendering from seeds, but not to connect.
   */
  readonly url: string;
  /**
   * The caller's token, or a function that is called for one at every connect. Default: none, with the rights that the
   * server gives to callers without a token.
   */
  readonly token?: TokenSource | undefined;
  /**
   * Who looks: attributes by which the rules of a campaign are judged, at most 4 KiB. What the token claims of its
   * attributes takes precedence. Default: somebody of whom nothing is known. `client.setViewer` changes it.
   */
  readonly viewer?: Viewer | undefined;
  /**
   * The WebSocket class, for a runtime without one, such as Node 20: that of the package `ws`. Without any, everything
   * goes over http and server-sent events.
   */
  readonly WebSocket?: WebSocketConstructor | undefined;
  /** How long a campaign's stream stays after its last subscriber has left, in milliseconds. Default 5,000. */
  readonly releaseAfterMs?: number | undefined;
  /**
   * Whether to keep data on the device, in IndexedDB: edits that are not yet saved, so that they survive a reload and
   * are sent by whichever tab is open; and the newest 20 campaigns as they were last seen, so that a page without a
   * network has something to show (`isStale`). A string, such as the user's id, keeps the data of different users of
   * one browser apart. Needs a secure context. Default false.
   */
  readonly persist?: boolean | string | undefined;
  /**
   * Where `persist` keeps its data on platforms without IndexedDB, such as React Native: AsyncStorage is one as it is.
   * Default: IndexedDB.
   *
   * @example createCampaignClient({ url, persist: userId, storage: AsyncStorage });
   */
  readonly storage?: KeyValueStorage | undefined;
  /** Whether the browser asks before the page is left with edits that exist nowhere else. Default true. */
  readonly warnBeforeLeaving?: boolean | undefined;
  /** What becomes of an edit where somebody else has changed the same place meanwhile. Default `'mine'`. */
  readonly onConflict?: ConflictPolicy | undefined;
  /** How edits are grouped into steps of `undo`. */
  readonly undo?: UndoOptions | undefined;
  /**
   * Campaigns read by `prefetchCampaign` where the page was rendered: shown at once, and continued from there. Each is
   * looked up when its campaign is first opened, so that seeds of later pages can be added to the same array.
   */
  readonly seeds?: readonly CampaignSeed[] | undefined;
  /**
   * How `campaign.track` and `campaign.expose` tell what this page's viewer does, where they are called before
   * `startTracking`: consent, storage, and what a page that is left hands to the browser. Default: with consent.
   */
  readonly tracking?: TrackingOptions | undefined;
  /**
   * Takes warnings, what the app's callbacks throw, and at `debug` every change of the connection. Default: warnings go
   * to the console, and what callbacks throw is an uncaught error (`reportError`); neither stops the client.
   */
  readonly logger?: Logger | undefined;
  /** The source of time, timers, randomness and ids, for tests. Default: the system's. */
  readonly clock?: Clock | undefined;
  /** The state of the device's network, for tests and other platforms than browsers. Default: the browser's. */
  readonly network?: Network | undefined;
  /**
   * Whether the app is in the foreground, for platforms without pages: held edits are sent when it leaves the
   * foreground, and a lost connection is tried at once when it comes back. Default: the page's visibility.
   */
  readonly appState?: AppState | undefined;
}

/**
 * Creates the client of one server. Nothing is sent before something is read or changed.
 *
 * @throws TypeError where `url` is no address of a server, with what to write; Error where there is neither
 *   `WebSocket` nor `fetch` with streams
 * @example
 * const client = createCampaignClient({ url: 'http://127.0.0.1:4000' });
 * await client.campaign('ovasabi_website').update({ title: 'New title' });
 */
export function createCampaignClient(options: CampaignClientOptions): CampaignClient {
  const { clock = systemClock, network = systemNetwork, appState, releaseAfterMs = RELEASE_AFTER_MS } = options;
  const url = parseServerUrl(options.url, globalThis.location?.href);
  const connection = createConnection({
    url,
    token: options.token,
    WebSocket: options.WebSocket ?? platformWebSocket(),
    clock,
    network: appState ? networkOfApp(network, appState) : network,
    report: reporterOf(options.logger),
    startDelayMs: guardCreation(url ?? '', clock.now(), options.logger ?? CONSOLE),
  });
  logConnection(connection, options.logger);
  const persist = options.persist === true ? '' : options.persist;
  return clientOn(connection, clock, releaseAfterMs, {
    logger: options.logger,
    seeds: options.seeds,
    viewer: options.viewer,
    appState,
    undo: options.undo,
    tracking: options.tracking,
    onConflict: options.onConflict,
    warnBeforeLeaving: options.warnBeforeLeaving ?? true,
    ...(typeof persist === 'string' && {
      device: (outbox) => openBrowser(`${url}/#${persist}`, clock, outbox, options.storage),
    }),
  });
}

/** The browser's storage, or the given one. Its code is loaded only by those who ask for it. */
async function openBrowser(
  address: string,
  clock: Clock,
  callbacks: DeviceCallbacks,
  storage: KeyValueStorage | undefined,
): Promise<Device | undefined> {
  if (!storage && typeof indexedDB === 'undefined') return undefined;
  const { openBrowserDevice } = await import('./device/browser-device.ts');
  return openBrowserDevice(address, clock, callbacks, storage);
}

export interface ClientParts {
  readonly logger?: Logger | undefined;
  readonly onConflict?: ConflictPolicy | undefined;
  readonly undo?: UndoOptions | undefined;
  readonly tracking?: TrackingOptions | undefined;
  readonly appState?: AppState | undefined;
  readonly seeds?: readonly CampaignSeed[] | undefined;
  readonly viewer?: Viewer | undefined;
  readonly warnBeforeLeaving?: boolean;
  /** Opens the device's storage; `undefined` where there is none. */
  readonly device?: (callbacks: DeviceCallbacks) => Promise<Device | undefined>;
}

/**
 * Creates a client on a connection of any kind.
 *
 * The way of an edit:
 *
 * 1. `campaign/commands.ts` makes a command of it, `campaign/editor.ts` a mutation with an id and a base.
 * 2. `sync/pending-edits.ts` adds it to what is pending: the optimistic view changes, and `campaign/campaign-store.ts`
 *    shows it.
 * 3. `campaign/outbox.ts` pushes it over `link/rpc-link.ts`, which sends through whichever socket `link/connection.ts`
 *    has attached.
 * 4. The entry comes back by `campaign/watcher.ts`; `sync/mirror.ts` folds it, and what is still pending is rebased.
 */
export function clientOn(
  connection: Connection,
  clock: Clock,
  releaseAfterMs: number,
  parts: ClientParts = {},
): CampaignClient {
  loadTreeWhenNeeded();
  const { seeds = [], warnBeforeLeaving = false, undo: { groupMs: undoGroupMs = UNDO_GROUP_MS } = {} } = parts;
  const report = reporterOf(parts.logger);
  const campaigns = createOpenCampaigns();
  const unsaved = new Map<string, readonly Pending[]>();
  const warnBefore = createLeaveWarning();
  let defaultCampaign: Campaign | undefined;
  let defaultId: string | undefined;
  let device: Device | undefined;
  let deviceFailed = false;
  let closed = false;
  let eventCode: Promise<typeof import('./analytics/on-demand.ts')> | undefined;
  let { viewer } = parts;

  const deviceView: DeviceView = parts.device
    ? {
        status: () => (deviceFailed || device?.outbox.isFailing() ? 'failing' : 'ok'),
        isStored: (mutation) => device?.outbox.isStored(mutation) ?? false,
      }
    : NO_DEVICE;
  const opening = parts.device && openDevice(parts.device);
  const stopPageHidden = onPageHidden(() => {
    for (const { campaign } of campaigns.all()) campaign.flush();
  }, parts.appState);

  /** Resolves once the device's storage is open, or cannot be opened; what is unsaved stays in the page until then. */
  async function openDevice(openStorage: NonNullable<ClientParts['device']>): Promise<void> {
    const callbacks: DeviceCallbacks = {
      importStored: (campaignId, mutations) => open(campaignId).importStored(mutations),
      onChange: onDeviceChange,
      logger: parts.logger,
      onForgotten() {
        device = undefined;
        onDeviceFailure(FORGOTTEN);
      },
    };
    const cancelDeadline = clock.after(DEVICE_TIMEOUT_MS, () => onDeviceFailure(NOT_OPENED));
    for (let attempt = 0; !device && !closed; attempt += 1) {
      try {
        device = await openStorage(callbacks);
        if (!device) onDeviceFailure(NO_STORAGE);
        break;
      } catch (cause) {
        // Its code could not be loaded, which a page without a network may be able to do later.
        onDeviceFailure(cause);
        await new Promise<void>((resolve) => clock.after(retryDelay(attempt, clock.random()), resolve));
      }
    }
    cancelDeadline();
    if (!device) return;
    deviceFailed = false;
    if (closed) device.close();
    for (const [campaignId, pending] of unsaved) device.outbox.save(campaignId, pending);
    // What the server answered before the storage was open.
    for (const store of campaigns.all()) writeSnapshot(store);
    onDeviceChange();
  }

  function onDeviceFailure(cause: unknown): void {
    // Where pages are rendered on a server, there is nothing to be kept. React Native has a `window`, too.
    if (!deviceFailed && typeof window !== 'undefined')
      (parts.logger ?? CONSOLE).warn('campaign-state: nothing can be kept on this device', cause);
    deviceFailed = true;
    onDeviceChange();
  }

  function onDeviceChange(): void {
    updateWarning();
    for (const store of campaigns.all()) store.onDeviceChange();
  }

  function updateWarning(): void {
    const pending = [...unsaved.values()].flat();
    warnBefore(warnBeforeLeaving && !closed ? countPageOnly(pending, deviceView) : 0);
  }

  function connectionError(): CampaignError | undefined {
    return connection.state.getSnapshot().error;
  }

  function close(): void {
    closed = true;
    device?.close();
    stopPageHidden();
    updateWarning();
    for (const store of campaigns.all()) store.close();
    connection.close();
  }

  /** What the viewer was shown or did, as it was at that moment: the code that records it may have to be loaded. */
  function tracking(of: () => Campaign): Pick<Campaign, 'expose' | 'track'> {
    function record(event: RecordedEvent): void {
      const campaign = of();
      const moment = { snapshot: campaign.getSnapshot(), viewer, at: clock.now() };
      const started = activeTracking.get(client);
      if (started) return started.record(campaign, event, moment);
      eventCode ??= callUntilAnswered(connection, clock, () => import('./analytics/on-demand.ts'));
      // It rejects once the client is closed.
      eventCode
        .then(({ recorderFor }) => recorderFor(client, parts, clock)?.(campaign, event, moment))
        .catch(() => undefined);
    }
    return {
      expose: (rule) => record({ kind: 'exposure', rule }),
      track: (name, options) => record({ ...options, kind: 'goal', name }),
    };
  }

  /** A campaign, or the default one, as an earlier visit saw it. */
  async function readLastSeen(campaignId?: string): Promise<SeenCampaign | undefined> {
    await opening;
    const seen = await device?.snapshots.read(campaignId, viewer);
    if (seen?.isDefault) defaultId ??= seen.campaignId;
    return seen;
  }

  function writeSnapshot({ campaignId, lastSeen }: CampaignStore): void {
    device?.keepSeen(campaignId, () => {
      const seen = lastSeen();
      return seen && { ...seen, isDefault: campaignId === defaultId };
    });
  }

  function onPending(campaignId: string, pending: readonly Pending[]): void {
    if (pending.length > 0) unsaved.set(campaignId, pending);
    else unsaved.delete(campaignId);
    device?.outbox.save(campaignId, pending);
    updateWarning();
  }

  function open(campaignId: string): CampaignStore {
    const known = campaigns.find(campaignId);
    if (known) return known;
    const store = createCampaignStore({
      campaignId,
      connection,
      clock,
      report,
      tracking,
      releaseAfterMs,
      undoGroupMs,
      onConflict: parts.onConflict ?? 'mine',
      seed: seeds.find((given) => given.campaignId === campaignId),
      viewer: () => viewer,
      device: deviceView,
      onPending: (pending) => onPending(campaignId, pending),
      onConfirmed: () => writeSnapshot(store),
      onHidden: () => device?.snapshots.remove(campaignId),
      onNeed: (opened, isNeeded) => (isNeeded ? campaigns.retain(opened) : campaigns.release(opened)),
    });
    campaigns.retain(store);
    campaigns.release(store);
    if (opening) void readLastSeen(campaignId).then((seen) => seen && store.restore(seen, seen.resumeId));
    return store;
  }

  const client: CampaignClient = {
    campaign(campaignId) {
      const known = campaignId ?? seeds.find(({ isDefault }) => isDefault)?.campaignId;
      if (known !== undefined) return open(known).campaign;
      defaultCampaign ??= createDefaultCampaign({
        connection,
        clock,
        report,
        tracking,
        open(id) {
          defaultId = id;
          return open(id);
        },
        lastSeenId: async () => (await readLastSeen())?.campaignId,
      });
      return defaultCampaign;
    },
    connection: connection.state,
    lock: (name, given = {}) =>
      bounded(
        async (ended) => {
          const load = () => import('./locks/held-locks.ts');
          const { lockJob } = await callUntilAnswered(connection, clock, load, ended);
          return lockJob(connection, clock, name, given, ended);
        },
        given,
        clock,
        connectionError,
      ),
    viewer: () => viewer,
    setViewer(next) {
      if (JSON.stringify(next) === JSON.stringify(viewer)) return;
      viewer = next;
      for (const store of campaigns.all()) store.onViewer();
    },
    trpc: connection.trpc,
    authenticate: (token, options = {}) =>
      bounded(() => connection.authenticate(token), options, clock, connectionError),
    onRenewed: (callback) => connection.onRenewed(callback),
    close,
    inspect: campaigns.all,
    async forget() {
      if (opening) await bounded(() => opening, { timeout: DEVICE_TIMEOUT_MS }, clock).catch(() => undefined);
      const kept = device;
      device = undefined;
      // Before it is closed: then it can tell the other tabs.
      const told = activeTracking.get(client)?.forget();
      close();
      for (const store of campaigns.all()) store.forget();
      // Where this page has told nothing, an earlier one may have left something.
      const left = () => import('./analytics/on-demand.ts').then((code) => code.forgetEvents(client, parts, clock));
      await Promise.all([kept?.clear(), told ?? bounded(left, { timeout: DEVICE_TIMEOUT_MS }, clock)]).catch(
        (cause: unknown) => {
          const message = 'Not all was cleared';
          throw new CampaignError({ reason: 'UNAVAILABLE', message, retryable: false }, { cause });
        },
      );
    },
  };
  return client;
}

function logConnection({ state }: Connection, logger: Logger | undefined): void {
  if (!logger?.debug) return;
  state.subscribe(() => {
    const { status, reason, attempt, error } = state.getSnapshot();
    logger.debug?.(`campaign-state: the connection is ${status}`, { reason, attempt, message: error?.message });
  });
}

function platformWebSocket(): WebSocketConstructor {
  if (typeof WebSocket === 'function') return WebSocket;
  if (canStreamOverHttp()) return AbsentSocket;
  throw new Error('There is no WebSocket: pass the option WebSocket');
}
