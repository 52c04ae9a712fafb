import type { Viewer } from '../../../server/core/document/targeting-fields.ts';
import type { EditCommand } from '../../../server/core/commands/command.ts';
import type { Actor, Entry } from '../../../server/core/stream/entry.ts';
import type { Reason, Refusal } from '../../../server/core/errors.ts';
import { cleanJson } from '../../../server/core/document/plain-json.ts';
import { formatPosition, type Position } from '../../../server/core/stream/position.ts';
import { activeTracking } from '../analytics/active-tracking.ts';
import { startTracking } from '../analytics/tracking.ts';
import { clientOn, type UndoOptions } from '../client.ts';
import { systemClock, type Clock } from '../clock.ts';
import type { CampaignDocument, CampaignUpdates } from '../document.ts';
import { CampaignError } from '../errors.ts';
import type { KeyValueStorage } from '../device/key-value-storage.ts';
import { frozenCopy } from '../frozen.ts';
import type { CampaignClient, ConflictPolicy } from '../types.ts';
import { createMemoryCampaign } from './memory-campaign.ts';
import { createMemoryLink, type MemoryLink, type Wire } from './memory-link.ts';
import type { OwnPresence } from '../presence/presence-store.ts';
import type { TrackedEvent } from './memory-events.ts';
import type { MemoryPage } from './memory-presence.ts';

export interface TestCampaignOptions {
  /** Default `test`. */
  readonly campaignId?: string;
  /** The document at version 1. Default: a slug and a title. */
  readonly state?: Partial<CampaignDocument>;
  /**
   * Who looks: the clients see the document as the arms of its rules leave it for these attributes, with their
   * assignments. Default: the document as it is, as editors do. `client.setViewer` changes it.
   */
  readonly viewer?: Viewer | undefined;
  /** With `false`, nothing is durable before `commit()`. Default true: everything is, at once. */
  readonly autoCommit?: boolean;
  readonly clock?: Clock;
  /** As of a client's options. */
  readonly onConflict?: ConflictPolicy | undefined;
  /** As of a client's options. */
  readonly undo?: UndoOptions | undefined;
}

/** Client of a campaign in memory, with control over its link. */
export interface TestLink {
  readonly client: CampaignClient;
  /** Cuts the link; what is on the wire is lost both ways. */
  readonly drop: () => void;
  readonly reconnect: () => void;
}

/** Campaign in memory that behaves as the server's do, with one client already connected. */
export interface TestCampaign extends TestLink {
  readonly campaignId: string;
  /** The state on the server. */
  readonly state: () => Partial<CampaignDocument>;
  readonly position: () => Position;
  readonly history: () => readonly Entry[];
  /** Makes a change of another user. */
  readonly push: (updates: CampaignUpdates) => void;
  /**
   * Locks a path as another user, who takes it over where somebody has it. Returns how that user releases it.
   *
   * @param ttl how long it lasts, in milliseconds. Default 30,000
   */
  readonly lock: (path: readonly string[], options?: { readonly ttl?: number; readonly note?: string }) => () => void;
  /** Another user comes, and says where it is; its page is moved by `set`, and closed by `leave`. */
  readonly join: (own?: OwnPresence, id?: string) => MemoryPage;
  /**
   * What the clients' viewers were shown and did, as it has reached the server: exposures of `useExperiment` and
   * `campaign.expose`, goals of `track`. Sends first what still waits; while a link is cut, that goes on waiting.
   *
   * @example expect(await campaign.tracked()).toMatchObject([{ kind: 'goal', name: 'lead' }]);
   */
  readonly tracked: () => Promise<readonly TrackedEvent[]>;
  /** Refuses the next mutation, or with a retryable reason the next call, for that reason. */
  readonly rejectNext: (reason: Reason, details?: Partial<Refusal>) => void;
  /** Delays messages by so many milliseconds each way from now on; 0: until the next microtask. */
  readonly delay: (milliseconds: number) => void;
  /** Makes everything accepted durable: for `autoCommit: false`. */
  readonly commit: () => void;
  /** Loses everything that is not durable, and continues under a new epoch, as a server does that lost its log. */
  readonly reset: () => void;
  /** Connects another client, on a link of its own. @param viewer who looks there. Default: as of the campaign */
  readonly connect: (viewer?: Viewer) => TestLink;
}

const EDITOR: Actor = { id: 'tester', role: 'admin' };
const OTHER_USER: Actor = { id: 'other-user', role: 'editor' };
const RELEASE_AFTER_MS = 1_000;

/** No test finds the events of another one. */
const NO_STORAGE: KeyValueStorage = {
  getAllKeys: async () => [],
  getItem: async () => null,
  setItem: async () => undefined,
  removeItem: async () => undefined,
};

/**
 * A campaign for tests of apps: no server, no network, the same `decideGroup` and `apply` as the server's. It holds
 * documents to no schema; `rejectNext` plays that part.
 *
 * @example
 * const campaign = createTestCampaign({ state: { slug: 'spring', title: 'Spring' } });
 * campaign.drop();
 * campaign.client.campaign().update({ title: 'Summer' }); // shown, and pending
 * campaign.reconnect();                                   // sent, accepted, durable
 */
export function createTestCampaign(options: TestCampaignOptions = {}): TestCampaign {
  const {
    campaignId = 'test',
    state = { slug: 'test', title: 'Test' },
    autoCommit = true,
    clock = systemClock,
  } = options;
  const cleaned = cleanJson(state, ['state'], 'drop');
  if (!cleaned.ok) throw new CampaignError(cleaned.refusal);
  const campaign = createMemoryCampaign(campaignId, frozenCopy(cleaned.value), clock.now, clock.after);
  const clients: CampaignClient[] = [];
  let delayMs = 0;

  // A server with persistence commits what it has accepted a moment later.
  if (autoCommit)
    campaign.subscribe({}, (_id, event) => event.type === 'entries' && queueMicrotask(() => campaign.commit()));

  function connect(viewer: Viewer | undefined = options.viewer): TestLink {
    const { connection, drop, reconnect }: MemoryLink = createMemoryLink({
      campaign,
      actor: EDITOR,
      clock,
      toServer: wire(),
      toClient: wire(),
    });
    const client = clientOn(connection, clock, RELEASE_AFTER_MS, {
      undo: options.undo,
      viewer,
      onConflict: options.onConflict,
    });
    startTracking(client, { clock, storage: NO_STORAGE });
    clients.push(client);
    return { client, drop, reconnect };
  }

  /** In order, whatever the delay is when. */
  function wire(): Wire {
    const queue: (() => void)[] = [];
    const next = () => queue.shift()?.();
    return (deliver) => {
      queue.push(deliver);
      if (delayMs === 0) queueMicrotask(next);
      else clock.after(delayMs, next);
    };
  }

  return {
    ...connect(),
    campaignId,
    state: () => campaign.content().state,
    position: () => formatPosition(campaign.head().epoch, campaign.head().version),
    history: campaign.history,
    push(updates) {
      const change = cleanJson(updates, ['updates']);
      if (!change.ok) throw new CampaignError(change.refusal);
      const command: EditCommand = { type: 'update', updates: frozenCopy(change.value) };
      campaign.mutate({ mutationId: clock.id(), command }, OTHER_USER);
    },
    lock(path, { ttl: ttlMs = 30_000, note } = {}) {
      const lockId = clock.id();
      const holder = OTHER_USER.id;
      const row = { lockId, path, holder, ttlMs, ...(note !== undefined && { note }) };
      campaign.locks.request({ type: 'acquire', ...row, otherwise: 'steal' });
      return () => campaign.locks.request({ type: 'release', lockIds: [lockId], holder });
    },
    join(own = {}, id = OTHER_USER.id) {
      const page = campaign.presence.enter(id);
      page.set(own);
      return page;
    },
    async tracked() {
      for (const client of clients)
        if (client.connection.getSnapshot().status === 'connected') await activeTracking.get(client)?.tracking.flush();
      return campaign.events.all();
    },
    rejectNext: (reason, details = {}) =>
      campaign.rejectNext({ message: `refused by the test: ${reason}`, ...details, reason }),
    delay(milliseconds) {
      delayMs = milliseconds;
    },
    commit: () => campaign.commit(),
    reset: () => campaign.reset(),
    connect,
  };
}
