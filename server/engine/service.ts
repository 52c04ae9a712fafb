import type { PushOutcome } from '../core/commands/push-outcome.ts';
import type { Position, VersionName } from '../core/stream/position.ts';
import type { ChangeCommand, Command, Mutation, MutationOptions } from '../core/commands/command.ts';
import type { CampaignState } from '../core/document/campaign.ts';
import type { Entry, Receipt } from '../core/stream/entry.ts';
import type { Refusal } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import type { Identity } from '../core/permissions.ts';
import type { WatchEvent } from '../core/stream/events.ts';
import type { CampaignSummary } from './ports.ts';

/** What `campaign.get` answers. */
export interface CampaignRecord {
  campaignId: string;
  epoch: string;
  version: number;
  durableVersion: number;
  state: CampaignState;
  updatedAt: number;
  updatedBy?: string;
  archivedAt?: number;
}

/** What a dry run answers: what would change, and that nothing has. */
export interface DryRun {
  campaignId: string;
  position: Position;
  changed: boolean;
  change: JsonObject;
  dryRun: true;
}

/**
 * A row of `campaign.list`. Callers without a token are not shown who changed it last, nor a title (then it is empty)
 * or status that their view hides.
 */
export type VisibleSummary = Omit<CampaignSummary, 'updatedBy'> & { updatedBy?: string };

/** A page as `useInfiniteQuery` expects it. */
export interface Page<T, C> {
  items: T[];
  nextCursor: C | undefined;
}

/** Entries, newest first, of the line that ends in that epoch: where it is another one in the next page, begin anew. */
export interface HistoryPage extends Page<Entry, number> {
  epoch: string;
}

/** What `campaign.at` answers: the state at that version of that epoch's line. */
export interface StateAt {
  campaignId: string;
  epoch: string;
  version: number;
  state: CampaignState;
}

/** What `campaign.diff` answers: the merge patch that leads from the one version of that epoch's line to the other. */
export interface Difference {
  campaignId: string;
  epoch: string;
  from: number;
  to: number;
  change: JsonObject;
}

/** Who asks, and under which correlation id. */
export interface Caller {
  readonly identity: Identity;
  readonly correlationId: string;
  /** Aborts waiting (for durability, for a subscription's next event); never undoes what was accepted. */
  readonly signal?: AbortSignal | undefined;
}

/** What a subscription needs to know of its socket. `identity` is read anew whenever `onIdentity` calls back. */
export interface Reader {
  identity(): Identity;
  /** Bytes accepted by the socket and not yet sent. */
  bufferedBytes(): number;
  /** Calls back when the identity was replaced (`session.authenticate`); returns how to stop that. */
  onIdentity(callback: () => void): () => void;
  /** Gives up on a socket that has not taken what it was sent for too long. */
  disconnect(): void;
}

/** What a trace needs to know of whoever listens. */
export type TraceReader = Pick<Reader, 'identity' | 'onIdentity'>;

/** An event with the id from which the stream goes on after a reconnect. */
export interface ResumableEvent {
  resumeId: string;
  event: WatchEvent;
}

/** Where the events of one subscription are pushed, instead of being pulled. */
export interface PushTarget {
  readonly reader: Reader;
  /** Writes an event. The same object goes to everyone who is sent the same: who encodes it can share that. */
  send(event: ResumableEvent): void;
  /**
   * It is sent no more: a refusal, where its right to read has ended; what `send` threw, where it did; nothing, where
   * its socket was given up.
   */
  end(error: unknown): void;
}

/** A place among those to whom a campaign's events are pushed. */
export interface DeliverySlot {
  /**
   * Takes the place: the first event, which the member writes itself; from then on they are sent to it. Throws a
   * refusal.
   */
  first(): ResumableEvent;
  leave(): void;
}

export interface WatchOptions {
  campaignId: string;
  lastEventId?: string | undefined;
  receipts?: boolean | undefined;
}

/** How the service stands, for `/readyz`, `system.stats` and the demo. */
export interface ServiceStats {
  campaigns: number;
  subscribers: number;
  mutations: number;
  deliveries: number;
  archive: { backlogEntries: number; lagSeconds: number; failing: boolean };
  /**
   * `clockOffsetSeconds`: by how much the clock of this instance is ahead of the log's, about; 0 where it has no clock
   * of its own.
   */
  log: { failing: boolean; clockOffsetSeconds: number };
  uptimeSeconds: number;
}

/** One line of `system.trace`: what became of a mutation, with its payload. Admins only. */
export interface TraceEvent {
  at: number;
  campaignId: string;
  correlationId: string;
  mutationId: string;
  actor: string;
  /** `failed`: what became of it is not known, or it broke down. */
  outcome: 'accepted' | 'unchanged' | 'rejected' | 'failed';
  /** From the arrival of the mutation to its answer. */
  milliseconds: number;
  command: Command;
  entry?: Entry;
  refusal?: Refusal;
}

/**
 * The engine as the procedures see it. Every method checks the caller's rights itself and throws `RefusalError`; input
 * has been parsed by then.
 */
export interface CampaignService {
  readonly defaultCampaignId: string | undefined;
  /** Synchronous up to the place in the campaign's queue: calls made in order are decided in order. */
  mutate(
    caller: Caller,
    campaignId: string,
    command: ChangeCommand,
    options: MutationOptions,
  ): Promise<Receipt | DryRun>;
  /**
   * @param seen where the client stands; from a line that did not survive nothing new is taken, and all of it may be
   * sent again
   */
  push(caller: Caller, campaignId: string, mutations: readonly Mutation[], seen?: Position): Promise<PushOutcome[]>;
  create(caller: Caller, campaignId: string, state: JsonObject, options: MutationOptions): Promise<Receipt | DryRun>;
  get(caller: Caller, campaignId: string): Promise<CampaignRecord>;
  list(
    caller: Caller,
    query: { cursor?: string | undefined; limit: number; status?: string | undefined },
  ): Promise<Page<VisibleSummary, string>>;
  /**
   * At most `limit` entries, fewer where they come to `LIMITS.pageBytes`; the cursor, not their number, says whether
   * there are more.
   */
  history(
    caller: Caller,
    campaignId: string,
    query: { cursor?: number | undefined; limit: number },
  ): Promise<HistoryPage>;
  at(caller: Caller, campaignId: string, version: VersionName): Promise<StateAt>;
  diff(caller: Caller, campaignId: string, from: VersionName, to: VersionName): Promise<Difference>;
  whenDurable(
    caller: Caller,
    campaignId: string,
    position: Position,
  ): Promise<{ campaignId: string; position: Position }>;
  /** Ends when the signal aborts; throws `RefusalError` when the right to read ends. */
  watch(caller: Caller, reader: Reader, options: WatchOptions): AsyncIterableIterator<ResumableEvent>;
  /** The same stream, pushed: many subscribers of one campaign share the making and the encoding of each event. */
  join(caller: Caller, target: PushTarget, options: WatchOptions): Promise<DeliverySlot>;
  stats(): ServiceStats;
  /** Ends when the signal aborts; throws `RefusalError` when the right to listen ends. */
  trace(caller: Caller, reader: TraceReader): AsyncIterableIterator<TraceEvent>;
}
