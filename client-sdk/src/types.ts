import type { Position, VersionName } from '../../server/core/stream/position.ts';
import type { TRPCClient } from '@trpc/client';
import type { AppRouter } from '../../server/api/procedures/router.ts';
import type { ConfigMode, EditCommand, FeaturesAction } from '../../server/core/commands/command.ts';
import type { Viewer } from '../../server/core/document/targeting-fields.ts';
import type { Assignments } from '../../server/core/targeting/evaluate.ts';
import type { Entry, Receipt, ViewEntry } from '../../server/core/stream/entry.ts';
import type { CampaignUpdates, CampaignView, FeatureName, GoalName, SectionName, SectionValue } from './document.ts';
import type { CampaignError } from './errors.ts';
import type { Conflict } from './sync/conflicts.ts';
import type { Pending } from './sync/pending.ts';
import type { WaitOptions } from './within.ts';

/** A store without a framework: React's `useSyncExternalStore`, Svelte and Vue can read it. */
export interface Readable<T> {
  /** Calls back after every change, synchronously; returns how to stop that. */
  readonly subscribe: (listener: () => void) => () => void;
  /** The present value; the same object until something changes. */
  readonly getSnapshot: () => T;
  /** The first value: what a page was rendered with on a server, from the same seed. Needed for hydration. */
  readonly getInitialSnapshot: () => T;
}

/**
 * The status of the link to the server.
 *
 * - `connecting`: the first attempt is under way (or nothing has needed a connection yet)
 * - `connected`: the link is up and answers
 * - `reconnecting`: the link was lost; the next attempt is under way or planned
 * - `offline`: the device says that it has no network; the next attempt follows its return
 * - `needs-auth`: the server refused the token; `client.authenticate(token)` goes on
 * - `closed`: for good, by `client.close()` or because the server no longer speaks with this version
 */
export type ConnectionStatus = 'connecting' | 'connected' | 'reconnecting' | 'offline' | 'needs-auth' | 'closed';

/**
 * Why there is no connection, for code; the sentence is in `error`.
 *
 * - `unreachable`: no server answers at the address
 * - `timeout`: the server did not answer in time, or stopped to
 * - `lost`: the connection was closed without a reason
 * - `restart`: the server restarts, or asked its clients to reconnect
 * - `overloaded`: the server, or a proxy before it, takes no connections now (503)
 * - `forbidden`: the server refuses this page's origin, or the host name in its address (403)
 * - `not-found`: something else than a campaign-state server is at the address (404)
 * - `foreign-answer`: something between answers in the server's place: a captive portal, a proxy's login
 * - `token-failed`: the token function threw, rejected, or did not answer
 * - `unauthorized`: the server refused the token
 * - `upgrade-required`: the server no longer supports this version of the SDK
 * - `bad-address`: the address cannot be connected to, such as a path where there is no page
 * - `closed`: by `client.close()`
 */
export type ConnectionReason =
  | 'unreachable'
  | 'timeout'
  | 'lost'
  | 'restart'
  | 'overloaded'
  | 'forbidden'
  | 'not-found'
  | 'foreign-answer'
  | 'token-failed'
  | 'unauthorized'
  | 'upgrade-required'
  | 'bad-address'
  | 'closed';

export interface ConnectionState {
  readonly status: ConnectionStatus;
  /** Failed attempts since the link was last up and stable; 0 while it is. */
  readonly attempt: number;
  /** Epoch milliseconds of the next attempt, where one is planned. */
  readonly retryAt: number | undefined;
  /** Why it is not connected, for code; stays while the next attempt is under way. */
  readonly reason: ConnectionReason | undefined;
  /** Why it is not connected, for people: what is wrong, and where it can be put right. */
  readonly error: CampaignError | undefined;
}

/**
 * What becomes of an edit where somebody else has changed the same place since it was made, and before it was sent:
 * offline, for example.
 *
 * - `mine`: it is sent, and overwrites theirs; `sync.overwritten` and `change.conflict` say so
 * - `theirs`: it is sent without that place; where nothing is left of it, it is refused with `CONFLICT`
 * - `ask`: it is shown, and kept back until `resolveConflict`; `sync.conflicts` says so
 *
 * An edit that may have reached the server already can only be `mine`.
 */
export type ConflictPolicy = 'mine' | 'theirs' | 'ask';

/** The options of one edit. */
export interface EditOptions {
  /** Refuse with `CONFLICT` unless the campaign is here: a position, or a version of the current epoch. */
  readonly expectedVersion?: Position | number;
  /** For the audit; shown in the history. */
  readonly comment?: string;
  /** What becomes of it where somebody else has changed the same. Default: the client's option `onConflict`. */
  readonly onConflict?: ConflictPolicy;
}

/**
 * An edit on its way. It is shown at once; the promise resolves when the server has ordered it, and rejects with a
 * {@link CampaignError} when the server refused it (then the view is without it again). A rejection that nobody handles
 * is not an unhandled one: it also stands in {@link SyncStatus.rejected}.
 */
export interface Change extends Promise<Receipt> {
  readonly mutationId: string;
  /**
   * Resolves when it is first sent, with that time in epoch milliseconds: a held one (`pacedUpdate`), one made offline,
   * or one kept back by a conflict leaves later than it was made. Rejects where it is refused before.
   */
  readonly sentAt: Promise<number>;
  /**
   * Resolves when the change is committed in Postgres. Rejects where it was refused, or where the server keeps nothing.
   */
  readonly durable: Promise<Receipt>;
  /**
   * Resolves with the first place where somebody else has changed the same; with `undefined` once the edit is durable
   * or refused without such a place. Never rejects.
   */
  readonly conflict: Promise<Conflict | undefined>;
}

/** The pace of `pacedUpdate`: when updates that follow each other closely are sent, as one mutation. */
export interface Pace {
  /** How long an update is held back, in milliseconds. */
  readonly wait: number;
  /** `debounce` (default): counted from the last update; `throttle`: from the first. */
  readonly mode?: 'debounce' | 'throttle' | undefined;
  /**
   * Whether the first update after a pause of `wait` is sent at once, so that only those that follow it are held back.
   * Default `false`.
   */
  readonly leading?: boolean | undefined;
  /**
   * What becomes of it where somebody else has changed the same. Default: the client's option `onConflict`. Of updates
   * that are sent as one mutation, the first one's counts.
   */
  readonly onConflict?: ConflictPolicy | undefined;
}

/** The builder of a batch: edits that become one entry, all or nothing. */
export interface BatchBuilder {
  /** Merge patch on the document: `null` removes a member. */
  readonly update: (updates: CampaignUpdates) => BatchBuilder;
  /** The ordered set of features; `set` takes `[]`. */
  readonly updateFeatures: (features: readonly FeatureName[], action: FeaturesAction) => BatchBuilder;
  /** One section, merged (default) or replaced: one of the document's, or one that the app registered. */
  readonly updateConfig: <S extends SectionName>(section: S, value: SectionValue<S>, mode?: ConfigMode) => BatchBuilder;
}

/** A mutation that was refused for good. */
export interface RejectedMutation {
  readonly mutationId: string;
  /** Missing where the content could not even be made a command. */
  readonly command: EditCommand | undefined;
  readonly error: CampaignError;
  /** Epoch milliseconds. */
  readonly rejectedAt: number;
}

/**
 * The state of this client's own edits.
 *
 * - `saved`: everything made here is committed
 * - `saving`: something is on its way, or accepted and not yet committed
 * - `waiting`: something is to be sent, and there is no connection
 * - `volatile`: everything is accepted, by a server without an archive
 */
export type SyncState = 'saved' | 'saving' | 'waiting' | 'volatile';

/**
 * The status of the storage on the device (`persist`).
 *
 * - `off`: nothing is to be kept there
 * - `ok`: what is unsaved is kept there, or about to be
 * - `failing`: it could not be opened, or the last write failed; it is retried, and edits exist only in the page
 *   meanwhile
 */
export type StorageStatus = 'off' | 'ok' | 'failing';

/** The sync status of this client's own edits of a campaign. */
export interface SyncStatus {
  readonly state: SyncState;
  /** Edits that the server has not yet accepted. */
  readonly pendingCount: number;
  /** Edits not yet known to be committed, the pending ones included. */
  readonly unsavedCount: number;
  /** Edits that would be lost with the page: neither accepted by the server nor stored on the device. */
  readonly pageOnlyCount: number;
  readonly storage: StorageStatus;
  /** Epoch milliseconds at which the oldest unsaved edit was made. */
  readonly oldestPendingAt: number | undefined;
  /** The newest refusals, oldest first, until `dismiss` removes them. */
  readonly rejected: readonly RejectedMutation[];
  /** Places in which edits are kept back until `resolveConflict`: the newest conflict of each. */
  readonly conflicts: readonly Conflict[];
  /**
   * Places in which edits have overwritten what somebody else had changed, newest last, until `dismiss` removes them.
   */
  readonly overwritten: readonly Conflict[];
}

/** The load status: `pending` before the first snapshot of the campaign, `error` when it cannot be read. */
export type CampaignLoadStatus = 'pending' | 'error' | 'success';

/** The snapshot of a campaign: all that is known of it at one moment. Immutable. */
export interface CampaignSnapshot {
  /** `undefined` until the server has said which campaign is its default one. */
  readonly campaignId: string | undefined;
  readonly status: CampaignLoadStatus;
  /** Confirmed state plus this client's pending edits; `{}` before the first snapshot. Deeply frozen. */
  readonly state: CampaignView;
  /**
   * Whether there may be newer changes: what is shown was kept on this device (`persist`) from an earlier visit, and
   * the server has not been reached since; or the server is a relay, and the one that it stands before is away.
   */
  readonly isStale: boolean;
  /** What the viewer has been told of the rules, by rule: its arm, or that it has none for want of a unit. */
  readonly assignments: Readonly<Assignments>;
  /** Whether another viewer was set, and the server has not said yet what that one sees. */
  readonly isViewerPending: boolean;
  /** The position of the confirmed state. */
  readonly position: Position | undefined;
  /** The version of the confirmed state; 0 before the first snapshot. */
  readonly version: number;
  /** Up to here everything is committed in Postgres. */
  readonly durableVersion: number;
  /** Epoch milliseconds; set while the campaign is archived and therefore read-only. */
  readonly archivedAt: number | undefined;
  /**
   * The newest entries since the last snapshot, oldest first, at most 100. Restricted views name no author and no
   * mutation.
   */
  readonly recentEntries: readonly Readonly<Entry | ViewEntry>[];
  readonly sync: SyncStatus;
  /** Whether there is an edit of this client to take back. */
  readonly canUndo: boolean;
  /** Whether there is an edit taken back to make again. */
  readonly canRedo: boolean;
  /** Why the campaign cannot be read. Where that may change, it is asked for again within 30 s. */
  readonly error: CampaignError | undefined;
  /** Why the last attempt to reach the server, or to read the campaign, failed; until one succeeds. */
  readonly failureReason: CampaignError | undefined;
  /** Attempts that failed in a row; 0 while all is well. */
  readonly failureCount: number;
}

/**
 * One campaign, live while anyone subscribes to it or an edit of it is unsaved. Its functions are stable and need no
 * `this`. What cannot be sent, such as a number that is not finite, is refused at once: by the returned change, never
 * by an exception.
 */
export interface Campaign extends Readable<CampaignSnapshot> {
  /** Merge patch on the document: `null` removes a member. */
  readonly update: (updates: CampaignUpdates, options?: EditOptions) => Change;
  /**
   * As `update`, for what is typed: shown at once, sent as one mutation with the updates before and after it. Any other
   * edit sends what is held first, and so does `flush`.
   */
  readonly pacedUpdate: (updates: CampaignUpdates, pace: Pace) => Change;
  /** Sends what `pacedUpdate` holds. */
  readonly flush: () => void;
  /** The ordered set of features; `set` takes `[]`. */
  readonly updateFeatures: (features: readonly FeatureName[], action: FeaturesAction, options?: EditOptions) => Change;
  /** One section, merged (default) or replaced: one of the document's, or one that the app registered. */
  readonly updateConfig: <S extends SectionName>(
    section: S,
    value: SectionValue<S>,
    mode?: ConfigMode,
    options?: EditOptions,
  ) => Change;
  /**
   * Several edits as one entry.
   *
   * @example campaign.batch((c) => { c.update({ title: 'Hello' }); c.updateFeatures(['referral'], 'add'); })
   */
  readonly batch: (build: (batch: BatchBuilder) => void, options?: EditOptions) => Change;
  /**
   * Back to the state of an earlier version, as a new version. Sent after everything pending; waits for a connection,
   * 30 s unless `timeout` says otherwise. A position instead of a number is `NOT_FOUND` where that entry is not on the
   * current timeline.
   */
  readonly rollback: (toVersion: VersionName, options?: EditOptions & WaitOptions) => Promise<Receipt>;
  /**
   * Locks what stands at a path of the document, and all below it; the empty path is the whole campaign. Others are
   * refused there with `LOCKED` until it is released or lost. Rejects with `LOCKED` where somebody else has it.
   *
   * @example const lock = await campaign.lock(['ui_content', 'banner'], { ttl: 30_000 });
   */
  readonly lock: (path: readonly string[], options?: LockOptions) => Promise<CampaignLock>;
  /**
   * Takes back this client's newest step, as a new edit: an edit, a batch, a rollback, or what was typed in one field
   * without a long pause (`pacedUpdate`, option `undo`). What others have changed since stays as it is. `undefined`
   * where nothing is left to take back.
   */
  readonly undo: () => Change | undefined;
  /** Makes again what was last taken back. */
  readonly redo: () => Change | undefined;
  /**
   * Resolves when that position (default: the present one) is committed; `NOT_FOUND` if it is not on the current
   * timeline, and `UNAVAILABLE` if that takes longer than `timeout` (default 30,000 ms).
   */
  readonly whenDurable: (position?: Position, options?: WaitOptions) => Promise<void>;
  /**
   * Resolves the conflicts of an edit that is kept back (`onConflict: 'ask'`), and those of all others in the same
   * places: `mine` sends them, `theirs` drops what they change there.
   */
  readonly resolveConflict: (mutationId: string, choice: 'mine' | 'theirs') => void;
  /**
   * Asks again for a campaign that could not be read: `error` is cleared, and it is `pending` until there is an answer.
   */
  readonly retry: () => void;
  /**
   * The viewer is shown its arm of that rule: counted once for each viewer, rule and phase. `useExperiment` does it by
   * itself. Loads the code of analytics, and starts it by the client's option `tracking`, where `startTracking` was
   * not called before. Without an arm nothing is told.
   */
  readonly expose: (rule: string) => void;
  /**
   * The viewer has done something that metrics count, with a value for those of the type `sum`. Starts as `expose`
   * does; waits in an outbox, on the device too, until it is durable.
   *
   * @example campaign.track('paid', { value: 19.9 });
   */
  readonly track: (name: GoalName, options?: GoalOptions) => void;
  /** Takes the entries of that mutation, or all, off {@link SyncStatus.rejected} and {@link SyncStatus.overwritten}. */
  readonly dismiss: (mutationId?: string) => void;
}

/** What a goal is told with. */
export interface GoalOptions {
  /** For metrics of the type `sum`; counted to six places. */
  readonly value?: number | undefined;
  /** Who did it, in a service that knows of many. Default: the client's viewer. */
  readonly viewer?: Viewer | undefined;
}

/** The options of `campaign.lock` and `client.lock`. Its `timeout` is by default 30,000 ms, also with `wait`. */
export interface LockOptions extends WaitOptions {
  /** How long the lock lasts without a renewal, in milliseconds: 1,000 to 300,000. Default 30,000. */
  readonly ttl?: number | undefined;
  /** For the others to read, at most 200 characters. */
  readonly note?: string | undefined;
  /** Whether to wait where it is locked. Default: it is refused with `LOCKED`. */
  readonly wait?: boolean | undefined;
  /** Whether to take over what others have locked; for those who may. */
  readonly steal?: boolean | undefined;
}

/**
 * A lock that this page holds. It is renewed while the page is visible, and released when the page is left. Edits that
 * touch its path are made under it by themselves; those that the server has not ordered when it is lost are refused
 * with `LOCK_LOST`, and taken back.
 */
export interface CampaignLock extends HeldLock {
  readonly path: readonly string[];
}

/**
 * The lock of a job. It is renewed as a {@link CampaignLock} is; in a process without pages, for as long as it runs.
 */
export interface JobLock extends HeldLock {
  readonly name: string;
}

/** A lock that is held. */
export interface HeldLock {
  readonly lockId: string;
  /** A number that only rises, whoever locks: for what is stored elsewhere under this lock. */
  readonly fence: number;
  /**
   * Resolves when it is not held any more without having been released: expired, taken over, or gone with its epoch.
   */
  readonly lost: Promise<CampaignError>;
  /** Gives it up; resolves when the server knows. */
  readonly release: () => Promise<void>;
}

/** What a new link, or a new token, has brought. */
export interface Renewal {
  /** Whether the token is another user's than before: of another subject, or no JWT and another one. */
  readonly isOtherUser: boolean;
}

/**
 * A campaign that a client has opened, as devtools see it. Its shape is not stable.
 *
 * @internal
 */
export interface InspectedCampaign {
  readonly campaign: Campaign;
  readonly pending: () => readonly Pending[];
}

/** The client of one server: one link, shared by everything that is read and changed through it. */
export interface CampaignClient {
  /** The campaign of that id, or the server's default campaign. The same object for the same id. */
  readonly campaign: (campaignId?: string) => Campaign;
  readonly connection: Readable<ConnectionState>;
  /**
   * Locks a job of the server's namespace, such as an importer or a nightly sync, for callers that may edit every
   * campaign. Rejects with `LOCKED` where somebody else has it.
   *
   * @example const lock = await client.lock('nightly-sync', { ttl: 60_000 });
   */
  readonly lock: (name: string, options?: LockOptions) => Promise<JobLock>;
  /** Who looks, as it was set last. */
  readonly viewer: () => Viewer | undefined;
  /**
   * Says who looks, from now on: after a login, for example. What is shown stays until the server has said what this
   * viewer sees, which takes no new connection; `isViewerPending` says so meanwhile.
   */
  readonly setViewer: (viewer: Viewer | undefined) => void;
  /**
   * Every procedure, typed, without cache, outbox or retries. Campaign mutations made here pass the outbox by: they are
   * neither shown early nor kept in order with the pending ones.
   */
  readonly trpc: TRPCClient<AppRouter>;
  /**
   * A new token: on the living link where there is one, else for the next attempt. Rejects where the server refuses it,
   * or does not answer in time.
   */
  readonly authenticate: (token: string, options?: WaitOptions) => Promise<void>;
  /**
   * Calls back whenever this caller's rights may have changed: on a new link, and with a new token.
   *
   * @returns unsubscribes
   */
  readonly onRenewed: (callback: (renewal: Renewal) => void) => () => void;
  /**
   * Ends the link and every subscription, for good; what is pending is rejected. What `persist` keeps stays on the
   * device, for the next client.
   */
  readonly close: () => void;
  /**
   * Closes, and removes all that is known of this user, for a logout: what its campaigns show, the answers in TanStack
   * Query's cache, events that were not told yet, and what `persist` has kept on the device, unsaved edits too. Other
   * tabs of the same user keep nothing on the device from then on. Rejects where something could not be removed.
   */
  readonly forget: () => Promise<void>;
  /**
   * The campaigns that were opened, for devtools.
   *
   * @internal
   */
  readonly inspect: () => readonly InspectedCampaign[];
}
