import { parseResumeId } from '../../core/stream/cursor.ts';
import { RefusalError } from '../../core/errors.ts';
import { CALL_ACTIONS, can } from '../../core/permissions.ts';
import { formatPosition, parsePosition, versionOnTimeline, type VersionName } from '../../core/stream/position.ts';
import { projectChange, projectState, showsActors, viewFor, type View, type Views } from '../../core/stream/views.ts';
import { deferredIterator } from './deferred-iterator.ts';
import type { LoadedCampaign } from '../hosting/log-follower.ts';
import type { CampaignHost } from '../hosting/campaign-host.ts';
import { isPublished } from '../campaign/live-campaign.ts';
import type { CampaignHistory } from '../campaign/history.ts';
import type { EngineObserver } from '../observer.ts';
import type { Archive, Clock, ViewerCounts } from '../ports.ts';
import { createCampaignList } from './campaign-list.ts';
import { createListFeeds } from './list-feeds.ts';
import { createReadGate } from './read-gate.ts';
import { forbidden, notFound, notPersistent } from '../refusals.ts';
import type { Caller, CampaignService, WatchOptions } from '../service.ts';
import { waitDurable } from '../campaign/wait-durable.ts';

export interface ReadsOptions {
  hosting: CampaignHost;
  archive: Archive;
  history: CampaignHistory;
  clock: Clock;
  views: Views;
  persistent: boolean;
  durableTimeoutMs: number;
  observer: EngineObserver;
  viewers: ViewerCounts;
}

/**
 * Reads of the history and of the list that the archive runs at once: they can take long, and its one thread, or its
 * eight connections, serve commits too.
 */
const MAX_CONCURRENT_READS = 4;
/** Campaigns that are loaded at once for readers: any caller may name any id. */
const MAX_CONCURRENT_LOADS = 64;
/** How long a read may wait for its turn. */
const TURN_TIMEOUT_MS = 10_000;

type Reads = Pick<
  CampaignService,
  'get' | 'list' | 'watchList' | 'history' | 'at' | 'diff' | 'whenDurable' | 'watch' | 'join'
>;

/** Reading calls of the service. Each checks the caller's right to read, before and after the campaign is loaded. */
export function createReads(options: ReadsOptions): Reads {
  const { hosting, archive, history, clock, views, persistent } = options;
  const reads = createReadGate({ clock, maxConcurrent: MAX_CONCURRENT_READS, timeoutMs: TURN_TIMEOUT_MS });
  const loads = createReadGate({ clock, maxConcurrent: MAX_CONCURRENT_LOADS, timeoutMs: TURN_TIMEOUT_MS });

  const list = createCampaignList({ hosting, archive, views });
  const feeds = createListFeeds({
    list,
    hosting,
    clock,
    observer: options.observer,
    gate: reads,
    viewers: options.viewers,
  });

  const load = (caller: Caller, campaignId: string): Promise<LoadedCampaign> =>
    hosting.holds(campaignId)
      ? hosting.host(campaignId).loaded
      : loads.pass(caller, () => hosting.host(campaignId).loaded);

  const readable = async (caller: Caller, campaignId: string, action: 'read' | 'audit'): Promise<LoadedCampaign> => {
    const { identity } = caller;
    if (!can(identity, action, campaignId, true)) throw forbidden(campaignId, action === 'read' ? 'read' : 'history');
    const campaign = await load(caller, campaignId);
    // Only callers without a token can be refused now: a draft does not exist for them.
    if (!can(identity, action, campaignId, isPublished(campaign.live.content))) throw notFound(campaignId);
    return campaign;
  };

  /** The campaign, at least as new as what this caller has seen of it on another instance. */
  const reaching = async (
    caller: Caller,
    campaignId: string,
    action: 'read' | 'audit',
    ...seen: readonly VersionName[]
  ): Promise<LoadedCampaign> => {
    const campaign = await readable(caller, campaignId, action);
    const { head } = campaign.live;
    const positions = seen.map((named) => (typeof named === 'number' ? undefined : parsePosition(named)));
    if (positions.some((position) => position?.epoch === head.epoch && position.version > head.version))
      await hosting.catchUp(campaign);
    return campaign;
  };

  const openFor = async <T>(
    caller: Caller,
    { campaignId, lastEventId }: WatchOptions,
    open: (campaign: LoadedCampaign) => T,
  ): Promise<T> => {
    const seen = lastEventId === undefined ? undefined : parseResumeId(lastEventId);
    return open(
      await reaching(
        caller,
        campaignId,
        CALL_ACTIONS.watch,
        ...(seen ? [formatPosition(seen.epoch, seen.version)] : []),
      ),
    );
  };

  const viewOf = ({ identity }: Caller, campaignId: string): View => viewFor(identity, campaignId, views);

  return {
    async get(caller, campaignId) {
      const { live } = await readable(caller, campaignId, CALL_ACTIONS.get);
      const view = viewOf(caller, campaignId);
      const { state, archivedAt } = live.content;
      return {
        campaignId,
        epoch: live.head.epoch,
        version: live.head.version,
        durableVersion: persistent ? live.watermark.version : 0,
        state: projectState(view, state),
        updatedAt: live.updatedAt,
        ...(showsActors(view) && { updatedBy: live.updatedBy }),
        ...(archivedAt !== undefined && { archivedAt }),
      };
    },

    list: (caller, options) => reads.pass(caller, () => list.page(caller.identity, options)),

    watchList: (caller, reader, options) => feeds.watch(caller, reader, options),

    async history(caller, campaignId, { cursor, limit }) {
      const { live } = await readable(caller, campaignId, CALL_ACTIONS.history);
      const page = await reads.pass(caller, () => history.page(live, cursor, limit));
      const view = viewOf(caller, campaignId);
      // Who may audit a campaign sees who changed it, by whatever view.
      return { ...page, items: page.items.map((entry) => ({ ...entry, change: projectChange(view, entry.change) })) };
    },

    async at(caller, campaignId, version) {
      const { live } = await reaching(caller, campaignId, CALL_ACTIONS.at, version);
      const { state, ...found } = await reads.pass(caller, () => history.stateAt(live, version, 'version'));
      return { campaignId, ...found, state: projectState(viewOf(caller, campaignId), state) };
    },

    async diff(caller, campaignId, from, to) {
      const { live } = await reaching(caller, campaignId, CALL_ACTIONS.diff, from, to);
      const difference = await reads.pass(caller, () => history.difference(live, from, to));
      return { ...difference, change: projectChange(viewOf(caller, campaignId), difference.change) };
    },

    async whenDurable(caller, campaignId, position) {
      const { live } = await reaching(caller, campaignId, CALL_ACTIONS.whenDurable, position);
      if (!persistent) throw notPersistent();
      if (!parsePosition(position))
        throw new RefusalError('INVALID', 'position: must be epoch:version, as a receipt gives it', {
          path: ['position'],
        });
      const version = versionOnTimeline(position, live.head, live.lineage);
      if (version === undefined) {
        throw new RefusalError('NOT_FOUND', `position: ${position} is not on the current timeline of ${campaignId}`, {
          path: ['position'],
        });
      }
      await waitDurable(live, version, { clock, timeoutMs: options.durableTimeoutMs, signal: caller.signal });
      return { campaignId, position };
    },

    watch(caller, reader, options) {
      const { lastEventId, receipts } = options;
      const opened = openFor(caller, options, ({ fanOut }) =>
        fanOut.pull({ reader, signal: caller.signal, lastEventId, receipts: receipts === true && persistent }),
      );
      return deferredIterator(opened, caller.signal);
    },

    join(caller, target, options) {
      const { lastEventId, receipts } = options;
      return openFor(caller, options, ({ fanOut }) =>
        fanOut.push(target, { lastEventId, receipts: receipts === true && persistent }),
      );
    },
  };
}
