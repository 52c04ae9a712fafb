import type { FleetCounts } from '../core/fleet.ts';
import type { ChangeCommand, Command, Mutation, MutationOptions } from '../core/commands/command.ts';
import type { PushOutcome } from '../core/commands/push-outcome.ts';
import type { CampaignState } from '../core/document/campaign.ts';
import type { DocumentSchema } from '../core/document/described/described-fields.ts';
import type { Viewer } from '../core/document/targeting-fields.ts';
import type { Refusal } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import type { FieldAccess, Identity } from '../core/permissions.ts';
import type { Entry, Receipt } from '../core/stream/entry.ts';
import type { WatchEvent } from '../core/stream/events.ts';
import type { ListEvent } from '../core/stream/list-events.ts';
import type { ListFilter, ListSort } from '../core/stream/list-query.ts';
import type { Origin } from '../core/stream/origin.ts';
import type { Position, VersionName } from '../core/stream/position.ts';
import type { Assignments, RuleExplanation } from '../core/targeting/evaluate.ts';
import type { AnalyticsService } from './analytics/analytics-service.ts';
export type { AnalyticsService, TimelineRow } from './analytics/analytics-service.ts';
import type { LockService } from './locks/lock-service.ts';
import type { PresenceService } from './presence/presence-service.ts';
import type { ReplicaService } from './calls/relays/replica-service.ts';
export type { CampaignHead, ReplicaService } from './calls/relays/replica-service.ts';
import type { CampaignSummary, DependencyFailure, LogHealth } from './ports.ts';

/** Answer of `campaign.get`. */
export interface CampaignRecord {
  readonly campaignId: string;
  readonly epoch: string;
  readonly version: number;
  /** The watermark: everything up to this version is committed; 0 without persistence. */
  readonly durableVersion: number;
  readonly state: CampaignState;
  /** What the viewer is told of the rules; absent in the raw view, and where the campaign has no targeting. */
  readonly assignments?: Assignments;
  /** Epoch milliseconds. */
  readonly updatedAt: number;
  /** Id of the actor of the newest entry; absent in a restricted view. */
  readonly updatedBy?: string;
  /** Epoch milliseconds; absent where the campaign is not archived. */
  readonly archivedAt?: number;
}

/** Answer of `campaign.delete`. */
export interface DeletionReceipt {
  readonly campaignId: string;
  /** Epoch milliseconds. */
  readonly deletedAt: number;
  /** Where it stood. */
  readonly position: Position;
  /** Whether nothing is left of it anywhere, and its id is free; where not, that follows by itself. */
  readonly complete: boolean;
}

/** Answer to a dry run: what the mutation would change. Nothing has been changed. */
export interface DryRun {
  readonly campaignId: string;
  /** The position that it was decided on. */
  readonly position: Position;
  readonly changed: boolean;
  /** Merge patch against the state at that position. */
  readonly change: JsonObject;
  readonly dryRun: true;
}

/**
 * A row of `campaign.list`. To callers without a token `updatedBy` is not shown; a title that their view hides is
 * empty, and a hidden status is `undefined`.
 */
export type VisibleSummary = Omit<CampaignSummary, 'updatedBy'> & { readonly updatedBy?: string };

/** Query of a page of the list. */
export interface ListOptions extends ListFilter {
  /** Only campaigns whose id is greater. */
  readonly cursor?: string | undefined;
  /** Campaigns on the page, at most. */
  readonly limit: number;
  /**
   * How many campaigns are left out before the first. A page that is read by offset, or in another order than that of
   * ids, has a total and no cursor.
   */
  readonly offset?: number | undefined;
  /** Default: by id. */
  readonly sort?: ListSort | undefined;
  /** Only these campaigns, as far as they exist and the caller may read them. */
  readonly campaignIds?: readonly string[] | undefined;
}

/** A page of the list. */
export interface ListPage extends Page<VisibleSummary, string> {
  /** Campaigns on all pages, where it was read by offset, or in another order than that of ids. */
  readonly total?: number;
}

/** A page, in the shape that `useInfiniteQuery` expects. */
export interface Page<T, C> {
  readonly items: T[];
  readonly nextCursor: C | undefined;
}

/**
 * Entries, newest first, of the timeline that ends in `epoch`. Where the next page has another epoch the campaign was
 * forked in between, and paging has to begin again.
 */
export interface HistoryPage extends Page<Entry, number> {
  readonly epoch: string;
}

/** Answer of `campaign.at`: the state at a version of the timeline that ends in `epoch`. */
export interface StateAt {
  readonly campaignId: string;
  readonly epoch: string;
  readonly version: number;
  readonly state: CampaignState;
  /** As in {@link CampaignRecord}. */
  readonly assignments?: Assignments;
}

/** Answer of `campaign.explain`: what the rules of one version say of a viewer, in their order. */
export interface Explained {
  readonly campaignId: string;
  readonly epoch: string;
  readonly version: number;
  /** Segments that the viewer is in. */
  readonly segments: readonly string[];
  readonly rules: readonly RuleExplanation[];
  /** What the viewer is told itself. */
  readonly assignments: Assignments;
}

/** Answer of `campaign.diff`: the merge patch from one version to another of the timeline that ends in `epoch`. */
export interface Difference {
  readonly campaignId: string;
  readonly epoch: string;
  readonly from: number;
  readonly to: number;
  readonly change: JsonObject;
}

/** The caller of a method: its identity, and the correlation id of its request. */
export interface Caller {
  readonly identity: Identity;
  readonly correlationId: string;
  /** Where its call came from; missing for what the server does by itself. */
  readonly origin?: Origin | undefined;
  /**
   * Whom it asks to see a campaign as. Below `editor` that is what it says of itself; editors, who else see the
   * document as it is, ask for somebody's view.
   */
  readonly viewer?: Viewer | undefined;
  /** What it has said of itself by `session.setViewer`; counts below `editor`, where `viewer` is missing. */
  readonly ownViewer?: Viewer | undefined;
  /** Aborts waiting, for durability or for a subscription's next event; never undoes what was accepted. */
  readonly signal?: AbortSignal | undefined;
}

/** The viewer that a connection was given. */
export interface NamedViewer {
  /** `undefined`: somebody without attributes. */
  readonly viewer: Viewer | undefined;
  /** Counts how often it was set, so that the later word counts of that and a subscription's own viewer. */
  readonly revision: number;
}

/** The connection of a subscription, as far as delivery depends on it. */
export interface Reader {
  /** Its identity now; it is read again before each event. */
  identity(): Identity;
  /** Its viewer now, where `session.setViewer` has named one; read again like the identity. */
  viewer?(): NamedViewer | undefined;
  /** Bytes that its socket has accepted and not yet sent. */
  bufferedBytes(): number;
  /**
   * Calls back whenever the identity is replaced (`session.authenticate`), or the viewer (`session.setViewer`).
   *
   * @returns stops that
   */
  onIdentity(callback: () => void): () => void;
  /** Closes the connection, because its socket has been congested for too long. */
  disconnect(): void;
  /** Whether it stands for the readers of a relay, and is none itself; the same for as long as it reads. */
  readonly isRelay?: boolean;
  /** The connection of the relay that it has come through; missing where it has come directly. */
  readonly relay?: object | undefined;
}

/** The connection of a trace, as far as it depends on it. */
export type TraceReader = Pick<Reader, 'identity' | 'onIdentity'>;

/** An event, with the id from which its stream can be resumed after it. */
export interface ResumableEvent {
  readonly resumeId: string;
  readonly event: WatchEvent;
}

/**
 * The receiving end of a subscription whose events are pushed rather than pulled:
 * `api/procedures/subscriptions/push-subscription.ts`.
 */
export interface PushTarget {
  readonly reader: Reader;
  /** Sends an event. All targets that are sent the same get the same object, so that its encoding can be shared. */
  send(event: ResumableEvent): void;
  /**
   * Ends the subscription; nothing is sent after this.
   *
   * @param error a refusal, where its right to read has ended; what `send` threw, where it did; `undefined` where its
   *   socket was disconnected
   */
  end(error: unknown): void;
}

/** A place in the push delivery of one campaign, for one target. */
export interface DeliverySlot {
  /**
   * Takes the place. All events after the one that is returned go to the target's `send`.
   *
   * @returns the first event, which the target sends by itself
   * @throws RefusalError where the reader may not read the campaign
   */
  first(): ResumableEvent;
  /** Leaves; nothing is sent after this. */
  leave(): void;
}

export interface WatchOptions {
  readonly campaignId: string;
  /** Resume id of the last event that the client has. Default: the stream begins with a snapshot. */
  readonly lastEventId?: string | undefined;
  /** Whether the watermark is sent as well. Default false. */
  readonly receipts?: boolean | undefined;
  /** Whose view is streamed; see {@link Caller.viewer}. A later `session.setViewer` takes its place. */
  readonly viewer?: Viewer | undefined;
}

/** Health of the log: reading and writing are judged apart, each with its cause where it fails. */
export interface LogStats extends LogHealth {
  /** Whether reading or writing fails. */
  readonly failing: boolean;
  /** Whether other instances use it too: it is Redis. */
  readonly isShared: boolean;
  /** Seconds by which this instance's clock is ahead of the log's, about; 0 where the log has no clock. */
  readonly clockOffsetSeconds: number;
}

/** What was done since the start. */
export interface TrafficStats {
  /** Mutations answered. */
  readonly mutations: number;
  /** Events sent, once for each subscriber. */
  readonly deliveries: number;
  /** Streams that went on with the entries that they lacked. */
  readonly resumes: number;
  /** Streams that began with a snapshot. */
  readonly snapshots: number;
  /** How often a reader that was too slow was sent a snapshot in the place of what it had missed. */
  readonly slowReaders: number;
}

/** Figures of the service, for `/readyz`, `system.stats` and the demo. */
export interface ServiceStats extends TrafficStats {
  /** Campaigns in memory. */
  readonly campaigns: number;
  readonly subscribers: number;
  /** Weight of the mutations that wait to be decided (`weightOf`). */
  readonly queuedWeight: number;
  readonly archive: {
    /** Entries that are not durable yet. */
    readonly backlogEntries: number;
    /** How long the oldest of them has been waiting. */
    readonly lagSeconds: number;
    readonly failing: boolean;
    /** Why it fails; `undefined` where it does not. */
    readonly failure?: DependencyFailure | undefined;
  };
  readonly log: LogStats;
  readonly analytics: {
    /** Rows of events that are not durable yet. */
    readonly waiting: number;
    /** How many may; 0 where no events are recorded. */
    readonly maxWaiting: number;
  };
  readonly uptimeSeconds: number;
}

/** An event of `system.trace`: the outcome of a mutation, with its payload. For admins only. */
export interface TraceEvent {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly campaignId: string;
  readonly correlationId: string;
  readonly mutationId: string;
  /** Id of the actor. */
  readonly actor: string;
  /** `failed`: whether it was accepted is not known, or an internal error occurred. */
  readonly outcome: 'accepted' | 'unchanged' | 'rejected' | 'failed';
  /** From the arrival of the mutation to its answer. */
  readonly milliseconds: number;
  readonly command: Command;
  readonly entry?: Entry;
  readonly refusal?: Refusal;
}

/**
 * The engine as the procedures see it. Every method checks the caller's rights itself, and throws a `RefusalError` with
 * the reason; input has been parsed by then. Implemented by `manager.ts`, of what is in `calls`, and by
 * `api/disabled-service.ts`.
 */
export interface CampaignService {
  readonly defaultCampaignId: string | undefined;
  /**
   * Changes a campaign. The mutation takes its place in the campaign's queue within the call: calls made in order are
   * decided in order.
   *
   * @throws RefusalError as `UNAVAILABLE` where the outcome is not known; sent again under the same `mutationId` it is
   *   applied at most once
   */
  mutate(
    caller: Caller,
    campaignId: string,
    command: ChangeCommand,
    options: MutationOptions,
  ): Promise<Receipt | DryRun>;
  /**
   * Changes a campaign by several mutations in order, each with its own outcome: what stands behind a refusal is still
   * decided. A reason that may pass (the log is away, the push was made on a timeline that was forked) refuses the rest
   * of the push as well, so that nothing overtakes what has to be sent again (order, G7).
   *
   * @param seen the client's position. Where it is not on the current timeline, no new mutation is accepted, so that
   *   the client can send all of them again in order
   */
  push(caller: Caller, campaignId: string, mutations: readonly Mutation[], seen?: Position): Promise<PushOutcome[]>;
  /**
   * Creates a campaign, which is durable once this resolves.
   *
   * @throws RefusalError `CONFLICT` where the id is taken
   */
  create(caller: Caller, campaignId: string, state: JsonObject, options: MutationOptions): Promise<Receipt | DryRun>;
  /**
   * Deletes a campaign for good, with its history, on every instance and on every device that comes back; its id is
   * free again, for a campaign in a new epoch. What stays is the record of who did it and when.
   *
   * @param options with `now`, it need not have been archived for seven days, or at all
   * @throws RefusalError `CONFLICT` where it is too early; `NOT_FOUND` with `deletedAt` where it was deleted already
   */
  delete(caller: Caller, campaignId: string, options: { readonly now?: boolean | undefined }): Promise<DeletionReceipt>;
  /** The fields that the caller's role on a campaign keeps from it; `undefined` where it has no role there. */
  fieldAccess(identity: Identity, campaignId: string): FieldAccess | undefined;
  /**
   * What documents may hold, for whoever may edit the campaign: without fields that are hidden from it.
   *
   * @param known the hash of the schemas that the caller has
   */
  schema(caller: Caller, campaignId: string, known?: string): DocumentSchema;
  get(caller: Caller, campaignId: string): Promise<CampaignRecord>;
  /**
   * Campaigns that the caller may read. A search looks only in fields that the caller may see.
   *
   * @throws RefusalError `FORBIDDEN` where another filter would reveal a field that the caller's view hides
   */
  list(caller: Caller, options: ListOptions): Promise<ListPage>;
  /**
   * The same page, live: first the page, then what changes on it, also through other instances, after two seconds at
   * most while not too many different pages are watched. Ends when the signal aborts.
   *
   * @throws RefusalError `OVERLOADED` where too many different pages are watched; from `next`, when the token expires
   */
  watchList(caller: Caller, reader: Reader, options: ListOptions): AsyncIterableIterator<ListEvent>;
  /**
   * Entries, newest first: at most `limit`, fewer where they would exceed `LIMITS.pageBytes`. The cursor, not their
   * number, says whether there are more.
   */
  history(
    caller: Caller,
    campaignId: string,
    query: { readonly cursor?: number | undefined; readonly limit: number },
  ): Promise<HistoryPage>;
  at(caller: Caller, campaignId: string, version: VersionName): Promise<StateAt>;
  /** The newest version of that time (epoch milliseconds) or older; 0 where there was none. */
  versionAt(caller: Caller, campaignId: string, time: number): Promise<number>;
  diff(caller: Caller, campaignId: string, from: VersionName, to: VersionName): Promise<Difference>;
  /**
   * What each rule says of a viewer, and why: equal to what a stream shows, or showed, that viewer at that version.
   *
   * @param position default: the present one
   * @throws RefusalError `FORBIDDEN` below `editor`
   */
  explain(caller: Caller, campaignId: string, viewer: Viewer, position?: VersionName): Promise<Explained>;
  /**
   * Resolves once a position is durable.
   *
   * @throws RefusalError `NOT_FOUND` where it is not on the current timeline, `UNAVAILABLE` where it is not durable in
   *   time
   */
  whenDurable(
    caller: Caller,
    campaignId: string,
    position: Position,
  ): Promise<{ readonly campaignId: string; readonly position: Position }>;
  /**
   * The events of a campaign, pulled one by one. Ends when the signal aborts.
   *
   * @throws RefusalError from `next`, when the right to read ends
   */
  watch(caller: Caller, reader: Reader, options: WatchOptions): AsyncIterableIterator<ResumableEvent>;
  /** The same stream, pushed: subscribers that are sent the same share the making and the encoding of each event. */
  join(caller: Caller, target: PushTarget, options: WatchOptions): Promise<DeliverySlot>;
  readonly locks: LockService;
  readonly presence: PresenceService;
  /** Campaigns as relays are sent them. */
  readonly replicas: ReplicaService;
  readonly fleets: FleetCounts;
  /** Events and results; `undefined` where nothing stores them. */
  readonly analytics: AnalyticsService | undefined;
  stats(): ServiceStats;
  /**
   * Outcomes of mutations as they happen. Ends when the signal aborts.
   *
   * @throws RefusalError from `next`, when the right to trace ends
   */
  trace(caller: Caller, reader: TraceReader): AsyncIterableIterator<TraceEvent>;
}
