import { asCampaign, type CampaignState } from '../../core/document/campaign.ts';
import { plainOf, type DocumentTree } from '../../core/document/document-tree.ts';
import { diff, patchTree } from '../../core/document/merge-patch.ts';
import { treeOf } from '../../core/stream/apply.ts';
import {
  isOfTargeting,
  projectStep,
  type Audience,
  type JudgedBy,
  type ProjectedStep,
  type Projector,
} from '../../core/stream/audience.ts';
import type { Entry } from '../../core/stream/entry.ts';
import { assignmentsOf, explain, type Assignments } from '../../core/targeting/evaluate.ts';
import type { TargetingEngine } from '../../core/targeting/evaluator.ts';
import { heldAt } from '../../core/targeting/held-places.ts';
import { touchesTargeting } from '../../core/targeting/targeting.ts';
import { attributesFor, placesToHold, seenBy, streamQuery } from '../streams/viewer.ts';
import { parseResumeId } from '../../core/stream/cursor.ts';
import { deletedAtOf } from '../../core/deletion.ts';
import { RefusalError } from '../../core/errors.ts';
import { CALL_ACTIONS, can, type Action } from '../../core/permissions.ts';
import { formatPosition, parsePosition, versionOnTimeline, type VersionName } from '../../core/stream/position.ts';
import { isResolved, projectChange, showsActors, viewFor, type View, type Views } from '../../core/stream/views.ts';
import { deferredIterator } from './deferred-iterator.ts';
import type { LoadedCampaign } from '../hosting/log-follower.ts';
import type { CampaignHost } from '../hosting/campaign-host.ts';
import { isPublished } from '../campaign/live-campaign.ts';
import type { CampaignHistory } from '../campaign/history.ts';
import type { HeldPlacesService } from '../campaign/held-places.ts';
import type { EngineObserver } from '../observer.ts';
import type { Archive, Clock, ViewerCounts } from '../ports.ts';
import { createCampaignList } from './campaign-list.ts';
import { createListFeeds } from './list-feeds.ts';
import { createReadGate } from './read-gate.ts';
import { deleted, forbidden, notFound, notPersistent } from '../refusals.ts';
import type { Caller, CampaignService, Reader, WatchOptions } from '../service.ts';
import { waitDurable } from '../campaign/wait-durable.ts';

export interface ReadsOptions {
  hosting: CampaignHost;
  archive: Archive;
  history: CampaignHistory;
  clock: Clock;
  views: Views;
  projector: Projector;
  engine: TargetingEngine;
  heldPlaces: HeldPlacesService;
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
/** What a refusal calls what it refuses. */
const WORDS: Readonly<Record<Action, string>> = {
  read: 'read',
  track: 'track',
  audit: 'history',
  analyse: 'results',
  edit: 'explain',
  administer: 'administer',
};

/** How long a read may wait for its turn. */
const TURN_TIMEOUT_MS = 10_000;

type Reads = Pick<
  CampaignService,
  'get' | 'list' | 'watchList' | 'history' | 'at' | 'versionAt' | 'diff' | 'explain' | 'whenDurable' | 'watch' | 'join'
>;

/** Reading calls of the service. Each checks the caller's right to read, before and after the campaign is loaded. */
export function createReads(options: ReadsOptions): Reads {
  const { hosting, archive, history, clock, views, persistent, projector, engine, heldPlaces } = options;
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

  /**
   * Whether callers without a token may know of a campaign. What they may not is looked up in the same way whether it
   * is a draft, in memory or not, or nothing: how long an answer takes must not tell which.
   */
  const isKnownToAll = async (caller: Caller, campaignId: string): Promise<boolean> => {
    const held = hosting.peek(campaignId);
    if (held && isPublished(held.live.content)) return true;
    const query = { limit: 1, ids: [campaignId], publishedOnly: true };
    return (await loads.pass(caller, () => archive.list(query))).length > 0;
  };

  /** What callers without a token are told of a campaign that they may not know of, or that is not there any more. */
  const unknownToAll = async (caller: Caller, campaignId: string): Promise<RefusalError> => {
    const deletion = await loads.pass(caller, () => archive.findDeletion(campaignId));
    return deletion?.wasPublished === true ? deleted(campaignId, deletion.at) : notFound(campaignId);
  };

  const readable = async (caller: Caller, campaignId: string, action: Action): Promise<LoadedCampaign> => {
    const { identity } = caller;
    if (!can(identity, action, campaignId, true)) throw forbidden(campaignId, WORDS[action]);
    if (identity.anonymous === true && !(await isKnownToAll(caller, campaignId)))
      throw await unknownToAll(caller, campaignId);
    const campaign = await load(caller, campaignId);
    // Only callers without a token can be refused now: it has become a draft, which does not exist for them.
    if (!can(identity, action, campaignId, isPublished(campaign.live.content))) throw notFound(campaignId);
    return campaign;
  };

  /** The campaign, at least as new as what this caller has seen of it on another instance. */
  const reaching = async (
    caller: Caller,
    campaignId: string,
    action: Action,
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
    reader: Reader,
    { campaignId, lastEventId, viewer }: WatchOptions,
    open: (campaign: LoadedCampaign, watching: { viewerRevision: number; judgedBy: JudgedBy }) => T,
  ): Promise<T> => {
    const viewerRevision = revisionOf(reader);
    const seen = lastEventId === undefined ? undefined : parseResumeId(lastEventId);
    const positions = seen ? [formatPosition(seen.epoch, seen.version)] : [];
    const campaign = await reaching(caller, campaignId, CALL_ACTIONS.watch, ...positions);
    const deletedAt = seen && deletedAtOf(seen.epoch, campaign.live);
    // What it goes on from was another campaign: its client forgets that first, and then begins anew.
    if (deletedAt !== undefined) throw deleted(campaignId, deletedAt);
    const { attributes } = seenBy({ reader, viewer, viewerRevision }, campaignId, views, reader.identity());
    const found = heldPlaces.find(streamQuery(campaign.live, attributes, projector));
    // Where nothing can be held, nobody waits for a turn.
    const held = found instanceof Promise ? await found : found;
    return open(campaign, { viewerRevision, judgedBy: { attributes, held } });
  };

  const viewOf = ({ identity, viewer }: Caller, campaignId: string): View =>
    viewFor(identity, campaignId, views, viewer !== undefined);

  /** By what a caller is judged that reads these versions of a campaign. */
  const judgedByOf = async (
    caller: Caller,
    campaignId: string,
    documents: readonly DocumentTree[],
  ): Promise<JudgedBy> => {
    const { identity, viewer, ownViewer } = caller;
    const attributes = attributesFor(identity, campaignId, viewer ?? ownViewer);
    const isJudged = isResolved(viewOf(caller, campaignId));
    const lines = isJudged ? documents.flatMap((document) => [...(projector.prepared(document)?.holding ?? [])]) : [];
    return { attributes, held: await heldPlaces.find({ campaignId, lines: new Map(lines), attributes }) };
  };

  /** What the caller sees of a version. */
  const audienceAt = (
    caller: Caller,
    campaignId: string,
    { version, state }: { readonly version: number; readonly state: DocumentTree },
    { attributes, held }: JudgedBy,
  ): Audience => {
    const by = { attributes, held: heldAt(held, version) };
    return projector.judge(campaignId, state, viewOf(caller, campaignId), by).audience;
  };

  /** A document as an audience sees it, with its assignments where there are any. */
  const show = (
    audience: Audience,
    document: DocumentTree,
  ): { readonly state: CampaignState; readonly assignments?: Assignments } => {
    const state = asCampaign(plainOf(projector.project(audience, document)));
    return { state, ...(audience.assignments && { assignments: audience.assignments }) };
  };

  return {
    async get(caller, campaignId) {
      const campaign = await readable(caller, campaignId, CALL_ACTIONS.get);
      const { live } = campaign;
      const by = await judgedByOf(caller, campaignId, [treeOf(live.content)]);
      // It may have become a draft while that was looked up.
      if (!can(caller.identity, CALL_ACTIONS.get, campaignId, isPublished(live.content))) throw notFound(campaignId);
      const document = treeOf(live.content);
      const { audience, unheld } = projector.judge(campaignId, document, viewOf(caller, campaignId), by);
      heldPlaces.hold(campaignId, placesToHold(caller.identity, campaignId, unheld), live.head.version);
      const { archivedAt } = live.content;
      return {
        campaignId,
        epoch: live.head.epoch,
        version: live.head.version,
        durableVersion: persistent ? live.watermark.version : 0,
        ...show(audience, document),
        updatedAt: live.updatedAt,
        ...(showsActors(viewOf(caller, campaignId)) && { updatedBy: live.updatedBy }),
        ...(archivedAt !== undefined && { archivedAt }),
      };
    },

    list: (caller, options) => reads.pass(caller, () => list.page(caller.identity, options)),

    watchList: (caller, reader, options) => feeds.watch(caller, reader, options),

    async history(caller, campaignId, { cursor, limit }) {
      const campaign = await readable(caller, campaignId, CALL_ACTIONS.history);
      const { live } = campaign;
      const view = viewOf(caller, campaignId);
      // Who may audit a campaign sees who changed it, by whatever view.
      const hide = (entry: Entry): Entry => ({ ...entry, change: projectChange(view, entry.change) });
      if (!isResolved(view)) {
        const page = await reads.pass(caller, () => history.page(live, cursor, limit));
        return { ...page, items: page.items.map(hide) };
      }
      const { base, ...page } = await reads.pass(caller, () => history.pageWithBase(live, cursor, limit));
      if (base === 'plain') return { ...page, items: page.items.map(hide) };
      const steps = stepsFrom(base, page.items.toReversed());
      const changed = steps.filter(({ touches }) => touches).map(({ after }) => after);
      const by = await judgedByOf(caller, campaignId, [base, ...changed]);
      const shown: Entry[] = [];
      const first = (page.items.at(-1)?.version ?? 1) - 1;
      let audience = audienceAt(caller, campaignId, { version: first, state: base }, by);
      for (const { entry, before, after, touches } of steps) {
        const from = audience;
        const { version } = entry;
        const to = touches ? audienceAt(caller, campaignId, { version, state: after }, by) : from;
        shown.push(
          auditedEntry(entry, {
            entry,
            from,
            to,
            before: () => projector.project(from, before),
            after: () => projector.project(to, after),
          }),
        );
        audience = to;
      }
      return { ...page, items: shown.reverse() };
    },

    async at(caller, campaignId, version) {
      const campaign = await reaching(caller, campaignId, CALL_ACTIONS.at, version);
      const found = await reads.pass(caller, () => history.stateAt(campaign.live, version, 'version'));
      const by = await judgedByOf(caller, campaignId, [found.state]);
      const audience = audienceAt(caller, campaignId, found, by);
      return { campaignId, epoch: found.epoch, version: found.version, ...show(audience, found.state) };
    },

    async versionAt(caller, campaignId, time) {
      const { live } = await readable(caller, campaignId, CALL_ACTIONS.at);
      return reads.pass(caller, () => history.versionAt(live, time));
    },

    async diff(caller, campaignId, from, to) {
      const campaign = await reaching(caller, campaignId, CALL_ACTIONS.diff, from, to);
      const { epoch, ...pair } = await reads.pass(caller, () => history.states(campaign.live, from, to));
      const by = await judgedByOf(caller, campaignId, [pair.from.state, pair.to.state]);
      const [before, after] = [pair.from, pair.to].map((version) =>
        projector.project(audienceAt(caller, campaignId, version, by), version.state),
      );
      const change = before && after ? diff(before, after) : {};
      return { campaignId, epoch, from: pair.from.version, to: pair.to.version, change };
    },

    async explain(caller, campaignId, viewer, position) {
      const seen = position === undefined ? [] : [position];
      const { live } = await reaching(caller, campaignId, CALL_ACTIONS.explain, ...seen);
      const found =
        position === undefined
          ? { epoch: live.head.epoch, version: live.head.version, state: treeOf(live.content) }
          : await reads.pass(caller, () => history.stateAt(live, position, 'position'));
      const prepared = projector.prepared(found.state);
      const { attributes } = viewer;
      const held = await heldPlaces.demand({ campaignId, lines: prepared?.holding ?? new Map(), attributes });
      const then = position === undefined ? held : heldAt(held, found.version);
      const rules = prepared ? explain(prepared, attributes, engine, then) : [];
      const conditions = prepared?.conditions.judge(attributes);
      const segments = [...(prepared?.targeting.segments.keys() ?? [])].filter((name) => conditions?.isIn(name));
      const { epoch, version } = found;
      return { campaignId, epoch, version, segments, rules, assignments: assignmentsOf(rules) };
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
      const { lastEventId, viewer } = options;
      const receipts = options.receipts === true && persistent;
      const opened = openFor(caller, reader, options, ({ fanOut }, watching) =>
        fanOut.pull({ reader, signal: caller.signal, lastEventId, receipts, viewer, ...watching }),
      );
      return deferredIterator(opened, caller.signal);
    },

    join(caller, target, options) {
      const { lastEventId, viewer } = options;
      const receipts = options.receipts === true && persistent;
      return openFor(caller, target.reader, options, ({ fanOut }, watching) =>
        fanOut.push(target, { lastEventId, receipts, viewer, ...watching }),
      );
    },
  };
}

function revisionOf(reader: Reader): number {
  return reader.viewer?.()?.revision ?? 0;
}

/** An entry between two documents. */
interface HistoryStep {
  readonly entry: Entry;
  readonly before: DocumentTree;
  readonly after: DocumentTree;
  /** Whether it changes the rules. */
  readonly touches: boolean;
}

/** @param entries the oldest first */
function stepsFrom(base: DocumentTree, entries: readonly Entry[]): readonly HistoryStep[] {
  let before = base;
  return entries.map((entry) => {
    const after = patchTree(before, entry.change);
    const made = { entry, before, after, touches: touchesTargeting(entry.change) };
    before = after;
    return made;
  });
}

/**
 * An entry as the history shows it to whoever sees the resolved document. It keeps who made it and when, which whoever
 * may audit a campaign sees; of a change of the targeting it keeps neither the command nor its words and ids.
 */
function auditedEntry(entry: Entry, step: ProjectedStep): Entry {
  const { change } = projectStep(step);
  if (!isOfTargeting(entry)) return { ...entry, change };
  const { version, actor, at, format } = entry;
  return { version, type: 'update', change, actor, mutationId: '', correlationId: '', at, format };
}
