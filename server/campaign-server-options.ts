import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { ScrapedMetrics } from './api/observability/health.ts';
import type { AuthKey } from './api/connection/auth.ts';
import type { AccessKeyStore } from './core/access-key.ts';
import type { CompactionStore, HistoryKeep } from './core/compaction-store.ts';
import type { HistoryStore } from './core/history-store.ts';
import type { Sections } from './core/document/check.ts';
import type { FieldRights } from './core/permissions.ts';
import type { StartCampaign } from './core/document/normalise.ts';
import type { Archive, OrderedLog } from './engine/ports.ts';
import type { AnalyticsStore } from './core/analytics/analytics-store.ts';
import type { HeldPlaceStore } from './core/targeting/held-place-store.ts';
import type { AuditStore } from './core/audit-store.ts';

/** Options of `createCampaignServer`. Every one has a default. */
export interface CampaignServerOptions {
  /** The host name or address to listen on. Default `127.0.0.1`. */
  readonly host?: string;
  /** The port to listen on; 0 takes any free one. Default 4000. */
  readonly port?: number;
  /** A separate port for `/metrics`; 0 takes any free one. Default: `/metrics` is served on `port`. */
  readonly metricsPort?: number | undefined;
  /**
   * Persists campaigns and their history; it is stopped with the server. Default: none, nothing outlives the process,
   * and receipts say `none`.
   */
  readonly archive?:
    | (Archive &
        Partial<AccessKeyStore> &
        Partial<HistoryStore> &
        Partial<AuditStore> &
        Partial<CompactionStore> &
        Partial<AnalyticsStore & HeldPlaceStore>)
    | undefined;
  /**
   * Orders the mutations of each campaign. Default: in this process, which must then be the only one on its archive.
   */
  readonly log?: OrderedLog;
  /** Campaigns that are created at the start where the archive has none with their id. Default: none. */
  readonly campaigns?: readonly StartCampaign[];
  /** The campaign of calls without a `campaignId`. Default: the first of `campaigns`. */
  readonly defaultCampaignId?: string;
  /** Who may take over the locks of others. Default `admins`. */
  readonly lockPolicy?: 'admins' | 'editors';
  /** Schemas of whole sections of the document, from `defineSections`; mutations are checked against them. */
  readonly sections?: Sections;
  /**
   * Rights by top-level field, narrower than the roles on a campaign: states, streams, history, differences and
   * refusals follow. Default: none.
   *
   * @throws TypeError where a role is none
   * @example { scripts: { write: 'admin' }, commerce: { read: 'editor' } }
   */
  readonly rights?: FieldRights;
  /**
   * The key that tokens are verified with. Default `{ kind: 'none' }`: every caller is a development admin, and only a
   * loopback `host` is served.
   */
  readonly auth?: AuthKey;
  /** Allows a `host` that other machines reach without a key. Default false. */
  readonly insecure?: boolean;
  /** Whether callers without a token may read campaigns that are not drafts. Default false. */
  readonly publicRead?: boolean;
  /**
   * Web origins whose pages may connect, such as `https://app.example.com`; `*` allows all. Default: none beside the
   * same origin and loopback.
   */
  readonly allowedOrigins?: readonly string[];
  /** `false` switches campaign procedures off: they answer `UNAVAILABLE`, health checks stay up. Default true. */
  readonly enabled?: boolean;
  /** When mutations are answered whose caller does not say. Default `accepted`. */
  readonly durability?: 'accepted' | 'durable';
  /** Entries that a backpressured subscriber may miss before it gets a snapshot in their place. Default 16. */
  readonly subscriberBuffer?: number;
  /**
   * How events reach ws connections. `rooms`: pushed, encoded once for all subscribers of the same view; `iterator`:
   * pulled by an iterator for each subscription. The streams are the same. Default `rooms`.
   */
  readonly fanOut?: 'rooms' | 'iterator';
  /**
   * How calls are answered. `direct`: by their parser and resolver alone, and on ws without tRPC's adapter; `trpc`: by
   * tRPC's own adapter and chain of middlewares, which cost more. The messages are the same. Default `direct`.
   */
  readonly calls?: 'direct' | 'trpc';
  /**
   * Level, 1 to 9, at which events, documents and histories of 1 KB and more are compressed for clients that offer it:
   * over ws `permessage-deflate`, over http gzip. 0: not at all, which is so anyway where `rights` keep a field from
   * readers. Default 4.
   */
  readonly compression?: number;
  /** How long a campaign stays in memory without use, in milliseconds. Default 600,000, ten minutes. */
  readonly idleTtl?: number;
  /** Campaigns in memory at most. Default: no bound with an archive, 10,000 without. */
  readonly maxLoaded?: number | undefined;
  /** Entries that may wait for the archive before mutations are refused with `OVERLOADED`. Default 100,000. */
  readonly maxBacklog?: number;
  /**
   * Mutations a second of one ws connection, or of one caller over http; four times as many of one caller over all of
   * them; 0: no limit. Default 1,000.
   */
  readonly rateLimit?: number;
  /**
   * Points of work a second of one ws connection, and of one address without a valid token; four times as many of one
   * caller over all its connections and requests; 0: no limit. A query costs 1 point, one of the history 8, a
   * subscription 10, 256 bytes of what is sent beyond the first KiB 1, 4 KiB of an answer 1, a refusal 4 more. Ws
   * connections beyond it wait, http requests are refused with `RATE_LIMITED`. Default 2,000.
   */
  readonly callLimit?: number;
  /**
   * Networks of proxies, such as `10.0.0.0/8`, whose `X-Forwarded-For` names the client's address. Default: loopback
   * and private networks.
   */
  readonly trustedProxies?: readonly string[];
  /** Ws connections and SSE streams that may be open; connections of all kinds may be 64 more. Default 20,000. */
  readonly maxConnections?: number;
  /**
   * Ws connections and SSE streams that one caller may have open: by its id, or without a valid token by its address.
   * Default: three quarters of `maxConnections`, and all of them where there is no key.
   */
  readonly maxConnectionsPerCaller?: number | undefined;
  /**
   * Names the servers that clients reach by one address, such as `frankfurt`: one that has more than its share of their
   * ws connections asks some clients to connect again. Default: none, each keeps its own.
   */
  readonly fleet?: string | undefined;
  /**
   * Bytes that all connections together may hold, unsent or of unfinished requests, before those that hold the most are
   * cut. Default: a quarter of the memory.
   */
  readonly maxUnsentBytes?: number | undefined;
  /** How long a ws connection may take to present a valid token, in milliseconds. Default 10,000. */
  readonly admissionMs?: number;
  /**
   * The folder of a built page, served at `/` from memory: its files are read at the start, at most 64 MiB. Default: a
   * page that says that there is none.
   */
  readonly site?: string;
  /**
   * The folder in which snapshots are saved by themselves, by one of the instances; the same folder for all of them, or
   * one of each. It needs an archive. Default: none are.
   */
  readonly snapshotDir?: string | undefined;
  /** Milliseconds from one snapshot to the next. Default 86,400,000, a day. */
  readonly snapshotEvery?: number;
  /** Snapshots that are kept, the newest, beside those that they rest on. Default 7. */
  readonly snapshotKeep?: number;
  /** Increments between two whole snapshots, at most. Default 6; 0: all are whole. */
  readonly snapshotIncrements?: number;
  /**
   * An Ed25519 private key in PEM, which signs again and again where the chains of hashes stand, so that rows that were
   * written anew are found. Default: nothing is signed.
   *
   * @throws Error in one sentence where it is none
   */
  readonly auditKey?: string | undefined;
  /** Public keys in PEM whose signatures count too, such as that of a key that was replaced. Default: none. */
  readonly auditOldKeys?: readonly string[];
  /**
   * What is kept of each history: what one of the two keeps. Older entries are compacted away behind a checkpoint.
   * Default: everything is kept.
   */
  readonly historyKeep?: HistoryKeep | undefined;
  /** Whether audit events, and entries for the audit, hold network addresses. Default false. */
  readonly auditAddresses?: boolean;
  /**
   * Key of the hashes under which people are counted; a new one counts everybody anew. Default: derived from the secret
   * of `auth`, where that has one, else the random salt of each campaign alone.
   */
  readonly analyticsKey?: string | undefined;
  /** Events that may wait to be recorded before more are refused with `OVERLOADED`. Default 50,000. */
  readonly analyticsBacklog?: number;
  /** How long units are kept after their rule has ended, in milliseconds. Default: 90 days. */
  readonly analyticsKeepUnits?: number;
  /** How long the minutes of timelines are kept, in milliseconds. Default: 400 days. */
  readonly analyticsKeepMinutes?: number;
  /**
   * Events a second of one ws connection, or of one caller over http; four times as many of one caller over all of
   * them; 0: no limit. Default 1,000.
   */
  readonly eventLimit?: number;
  /**
   * The path of a unix socket to listen on in place of `port`, for processes of this machine that relay this server.
   * Default: none.
   */
  readonly socket?: string | undefined;
  /** What such a process shows it as its key; a secret of at least 32 random bytes. Default: none is accepted. */
  readonly workerKey?: string | undefined;
  /** What `/metrics` answers with, of the registry of this server's own. Default: that. */
  readonly scrape?: ((registry: Registry) => ScrapedMetrics) | undefined;
  /** Default: JSON lines at `info` on stdout (`createLogger`). */
  readonly logger?: Logger;
  /**
   * In development: what `POST /dev/kill` does. Default: that path does not exist, and neither where there is a key.
   */
  readonly kill?: (() => void) | undefined;
}
