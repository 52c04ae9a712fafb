import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { DEFAULT_MAX_AGE_MS, MINIMUM_SECRET_LENGTH } from '../api/connection/auth.ts';
import type { AuthKey } from '../api/connection/auth.ts';
import { isNetwork, PRIVATE_NETWORKS } from '../api/connection/client-address.ts';
import { API_LIMITS } from '../api/limits.ts';
import { DEFAULT_COMPRESSION_LEVEL } from '../api/compression.ts';
import type { LogLevel } from '../api/observability/logging.ts';
import { isLoopback, isOrigin } from '../api/transport/origin.ts';
import { FLEET_PATTERN } from '../core/fleet.ts';
import { ROLES, type FieldRights } from '../core/permissions.ts';
import { BACKPRESSURE_BUFFER_ENTRIES } from '../engine/streams/backpressure.ts';
import { isRedisAddress } from '../log/redis-log.ts';
import type { HistoryKeep } from '../core/compaction-store.ts';
import { DURATION_EXAMPLES, parseDuration } from './duration.ts';

/** The configuration that environment variables set, with types. Durations are in milliseconds. */
export interface Config {
  enabled: boolean;
  subscriberBuffer: number;
  durability: 'accepted' | 'durable';
  fanOut: 'rooms' | 'iterator';
  calls: 'direct' | 'trpc';
  compression: number;
  idleTtl: number;
  maxLoaded: number | undefined;
  maxBacklog: number;
  rateLimit: number;
  callLimit: number;
  rights: FieldRights;
  trustedProxies: readonly string[];
  maxConnections: number;
  maxConnectionsPerCaller: number | undefined;
  fleet: string | undefined;
  maxUnsentBytes: number | undefined;
  storage: { kind: 'none' } | { kind: 'embedded'; dataDir: string } | { kind: 'postgres'; url: string };
  /** The Redis that orders mutations for many instances; `undefined`: this process is the only instance. */
  redisUrl: string | undefined;
  namespace: string;
  port: number;
  host: string;
  metricsPort: number | undefined;
  allowedOrigins: string[];
  auth: AuthKey;
  insecure: boolean;
  publicRead: boolean;
  /** PEM, or the path of a file with it. */
  auditKey: string | undefined;
  /** Paths of files with PEM. */
  auditOldKeys: readonly string[];
  auditAddresses: boolean;
  /** `undefined`: everything is kept. */
  historyKeep: HistoryKeep | undefined;
  analyticsKey: string | undefined;
  analyticsBacklog: number;
  analyticsKeepUnits: number;
  analyticsKeepMinutes: number;
  eventLimit: number;
  /** `undefined`: no snapshots are taken by themselves. */
  snapshotDir: string | undefined;
  snapshotEvery: number;
  snapshotKeep: number;
  snapshotIncrements: number;
  /** The server that a relay stands before; `undefined`: this is none. */
  relayUpstream: string | undefined;
  relayKey: string | undefined;
  relayDir: string | undefined;
  /** Processes that share the port; 1: this one alone. */
  workers: number;
  startTimeout: number;
  logLevel: LogLevel;
  production: boolean;
}

/** The configuration, or one sentence about the variable that is wrong. */
export type ReadConfig = { ok: true; config: Config } | { ok: false; message: string };

/** Environment variables by name, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;

/** The schema of a variable, with one message for every bad value: what the variable takes. */
function variable<T>(takes: string, parse: (text: string) => T | undefined) {
  return z.string().transform((text, context): T => {
    const value = parse(text);
    if (value !== undefined) return value;
    context.addIssue({ code: 'custom', message: takes });
    return z.NEVER;
  });
}

const flag = variable('true or false', (text) => (text === 'true' ? true : text === 'false' ? false : undefined));
const duration = variable(DURATION_EXAMPLES, parseDuration);

function integer(minimum: number, maximum = Number.MAX_SAFE_INTEGER) {
  const takes =
    maximum === Number.MAX_SAFE_INTEGER
      ? `a whole number from ${minimum}`
      : `a whole number from ${minimum} to ${maximum}`;
  return variable(takes, (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    return value >= minimum && value <= maximum ? value : undefined;
  });
}

function url(takes: string, protocols: readonly string[]) {
  return variable(takes, (text) =>
    URL.canParse(text) && protocols.includes(new URL(text).protocol) ? text : undefined,
  );
}

function origins(text: string): string[] | undefined {
  const list = text.split(',').map((item) => item.trim());
  return list.every((item) => item === '*' || isOrigin(item)) ? list : undefined;
}

function redisAddress(text: string): string | undefined {
  return isRedisAddress(text) ? text : undefined;
}

/** `postgres://user@/database?host=/socket/folder` is no URL, and an address of Postgres all the same. */
function postgresAddress(text: string): string | undefined {
  return /^postgres(ql)?:\/\//.test(text) && URL.canParse(text.replace('@/', '@host/')) ? text : undefined;
}

/** `auto`: one for each core. */
function workers(text: string): number | undefined {
  const count = text === 'auto' ? availableParallelism() : /^\d{1,2}$/.test(text) ? Number(text) : 0;
  return count >= 1 && (count <= MAX_WORKERS || text === 'auto') ? Math.min(count, MAX_WORKERS) : undefined;
}

const MAX_WORKERS = 64;

function upstreamAddress(text: string): string | undefined {
  const protocols = ['ws:', 'wss:', 'http:', 'https:'];
  return URL.canParse(text) && protocols.includes(new URL(text).protocol) ? text : undefined;
}

function networks(text: string): string[] | undefined {
  const list = text === 'none' ? [] : text.split(',').map((item) => item.trim());
  return list.every(isNetwork) ? list : undefined;
}

/** `1000`, `90d` or `1000,90d`. */
export function historyKeep(text: string): HistoryKeep | undefined {
  const parts = text.split(',').map((part) => part.trim());
  const versions = parts.filter((part) => /^[1-9]\d{0,8}$/.test(part)).map(Number);
  const ages = parts.map(parseDuration).filter((age) => age !== undefined && age > 0);
  if (versions.length > 1 || ages.length > 1 || versions.length + ages.length !== parts.length) return undefined;
  return {
    ...(versions[0] !== undefined && { versions: versions[0] }),
    ...(ages[0] !== undefined && { ageMs: ages[0] }),
  };
}

/** `{"scripts": {"write": "admin"}}`: roles by top-level field. */
function fieldRights(text: string): FieldRights | undefined {
  const role = z.enum(ROLES).exactOptional();
  try {
    return z.record(z.string().min(1), z.strictObject({ read: role, write: role })).parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

const environment = z.object({
  CAMPAIGN_STATE_ENABLED: flag.default(true),
  CAMPAIGN_PERSISTENCE_ENABLED: flag.default(true),
  CAMPAIGN_SUBSCRIBER_BUFFER: integer(1, 1_000).default(BACKPRESSURE_BUFFER_ENTRIES),
  CAMPAIGN_DURABILITY: z.enum(['accepted', 'durable'], 'accepted or durable').default('accepted'),
  CAMPAIGN_FANOUT: z.enum(['rooms', 'iterator'], 'rooms or iterator').default('rooms'),
  CAMPAIGN_CALLS: z.enum(['direct', 'trpc'], 'direct or trpc').default('direct'),
  CAMPAIGN_COMPRESSION: integer(0, 9).default(DEFAULT_COMPRESSION_LEVEL),
  CAMPAIGN_IDLE_TTL: duration.default(600_000),
  CAMPAIGN_MAX_LOADED: integer(1).optional(),
  CAMPAIGN_MAX_BACKLOG: integer(1).default(100_000),
  CAMPAIGN_RATE_LIMIT: integer(0, 1_000_000).default(1_000),
  CAMPAIGN_CALL_LIMIT: integer(0, 1_000_000).default(API_LIMITS.callPoints),
  CAMPAIGN_RIGHTS: variable(
    'JSON that names roles by field, such as {"scripts": {"write": "admin"}, "commerce": {"read": "editor"}}',
    fieldRights,
  ).default({}),
  CAMPAIGN_MAX_CONNECTIONS: integer(1, 1_000_000).default(20_000),
  CAMPAIGN_MAX_CONNECTIONS_PER_CALLER: integer(1, 1_000_000).optional(),
  CAMPAIGN_FLEET: variable('1 to 64 letters, digits, _ and -', (text) =>
    FLEET_PATTERN.test(text) ? text : undefined,
  ).optional(),
  CAMPAIGN_MAX_UNREAD: integer(1, 1_000_000).optional(),
  CAMPAIGN_WORKERS: variable('auto, or a whole number from 1 to 64', workers).default(1),
  CAMPAIGN_NAMESPACE: z
    .string()
    .regex(/^(?!pg_)[a-z][a-z0-9_]{0,31}$/, '1 to 32 of a-z, 0-9 and _, a letter first, and not pg_')
    .default('cs'),
  PORT: integer(0, 65_535).default(4_000),
  HOST: z
    .string()
    .regex(/^[A-Za-z0-9.:_-]+$/, 'the name or the address to listen on')
    .default('127.0.0.1'),
  METRICS_PORT: integer(0, 65_535).optional(),
  TRUSTED_PROXIES: variable('networks such as 10.0.0.0/8, separated by commas, or none', networks).default([
    ...PRIVATE_NETWORKS,
  ]),
  ALLOWED_ORIGINS: variable(
    'origins such as https://app.example.com, without a wildcard in the host, separated by commas, or *',
    origins,
  ).default([]),
  DATABASE_URL: variable('an address such as postgres://user:password@host:5432/database', postgresAddress).optional(),
  REDIS_URL: variable(
    'an address such as redis://host:6379, those of several nodes of a cluster, separated by commas, or redis+sentinel://host:26379,host:26379/name',
    redisAddress,
  ).optional(),
  DATA_DIR: z.string().default('./data'),
  AUTH_SECRET: z
    .string()
    .min(MINIMUM_SECRET_LENGTH, `at least ${MINIMUM_SECRET_LENGTH} characters; \`openssl rand -hex 32\` makes some`)
    .optional(),
  AUTH_JWKS_URL: url('the http(s) address of a JSON Web Key Set', ['http:', 'https:']).optional(),
  AUTH_ISSUER: z.string().max(1_000).optional(),
  AUTH_AUDIENCE: z.string().max(1_000).optional(),
  AUTH_MAX_AGE: duration.default(DEFAULT_MAX_AGE_MS),
  AUTH_MODE: z.literal('insecure', 'insecure, or nothing').optional(),
  CAMPAIGN_PUBLIC_READ: flag.default(false),
  AUDIT_KEY: z.string().max(10_000).optional(),
  AUDIT_OLD_KEYS: variable('paths of files with public keys, separated by commas', (text) =>
    text.split(',').map((path) => path.trim()),
  ).default([]),
  AUDIT_ADDRESSES: flag.default(false),
  HISTORY_KEEP: variable('a number of versions, an age such as 90d, or both: 1000,90d', historyKeep).optional(),
  ANALYTICS_KEY: z
    .string()
    .min(MINIMUM_SECRET_LENGTH, `at least ${MINIMUM_SECRET_LENGTH} characters; \`openssl rand -hex 32\` makes some`)
    .optional(),
  ANALYTICS_MAX_BACKLOG: integer(1).default(50_000),
  ANALYTICS_KEEP_UNITS: duration.default(90 * 86_400_000),
  ANALYTICS_KEEP_MINUTES: duration.default(400 * 86_400_000),
  ANALYTICS_EVENT_LIMIT: integer(0, 1_000_000).default(1_000),
  SNAPSHOT_DIR: z.string().optional(),
  SNAPSHOT_EVERY: duration.refine((every) => every >= 1_000, 'at least 1s').default(86_400_000),
  SNAPSHOT_KEEP: integer(1, 100_000).default(7),
  SNAPSHOT_INCREMENTS: integer(0, 1_000).default(6),
  RELAY_UPSTREAM: variable(
    'the address of the server to relay, such as wss://campaigns.example.com',
    upstreamAddress,
  ).optional(),
  RELAY_KEY: z.string().max(16_384).optional(),
  RELAY_DIR: z.string().optional(),
  START_TIMEOUT: duration.default(30_000),
  LOG_LEVEL: z.enum(LOG_LEVELS, LOG_LEVELS.join(', ')).default('info'),
  NODE_ENV: z.string().optional(),
});

/** The names of all variables. */
export const VARIABLES: readonly string[] = Object.keys(environment.shape);

/**
 * Reads the configuration from environment variables. The message for a bad value names the variable and what it takes,
 * never the value, which may be a secret.
 *
 * @example
 *   readConfig({ CAMPAIGN_IDLE_TTL: 'soon' });
 *   // { ok: false, message: 'CAMPAIGN_IDLE_TTL takes a duration such as 500ms, 30s, 10m, 12h or 7d.' }
 */
export function readConfig(env: Environment): ReadConfig {
  // `PORT=` in an env file means that it is not set.
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = environment.safeParse(given);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return { ok: false, message: `${issue?.path.join('.')} takes ${issue?.message}.` };
  }
  const config = toConfig(parsed.data);
  const conflict = findConflict(config, parsed.data);
  return conflict === undefined ? { ok: true, config } : { ok: false, message: conflict };
}

function toConfig(read: z.output<typeof environment>): Config {
  return {
    enabled: read.CAMPAIGN_STATE_ENABLED,
    subscriberBuffer: read.CAMPAIGN_SUBSCRIBER_BUFFER,
    durability: read.CAMPAIGN_DURABILITY,
    fanOut: read.CAMPAIGN_FANOUT,
    calls: read.CAMPAIGN_CALLS,
    compression: read.CAMPAIGN_COMPRESSION,
    idleTtl: read.CAMPAIGN_IDLE_TTL,
    maxLoaded: read.CAMPAIGN_MAX_LOADED,
    maxBacklog: read.CAMPAIGN_MAX_BACKLOG,
    rateLimit: read.CAMPAIGN_RATE_LIMIT,
    callLimit: read.CAMPAIGN_CALL_LIMIT,
    rights: read.CAMPAIGN_RIGHTS,
    trustedProxies: read.TRUSTED_PROXIES,
    maxConnections: read.CAMPAIGN_MAX_CONNECTIONS,
    maxConnectionsPerCaller: read.CAMPAIGN_MAX_CONNECTIONS_PER_CALLER,
    fleet: read.CAMPAIGN_FLEET,
    maxUnsentBytes: read.CAMPAIGN_MAX_UNREAD === undefined ? undefined : read.CAMPAIGN_MAX_UNREAD * 1024 * 1024,
    storage: storageOf(read),
    redisUrl: read.REDIS_URL,
    namespace: read.CAMPAIGN_NAMESPACE,
    port: read.PORT,
    host: read.HOST,
    metricsPort: read.METRICS_PORT,
    allowedOrigins: read.ALLOWED_ORIGINS,
    auth: authOf(read),
    insecure: read.AUTH_MODE === 'insecure',
    publicRead: read.CAMPAIGN_PUBLIC_READ,
    auditKey: read.AUDIT_KEY,
    auditOldKeys: read.AUDIT_OLD_KEYS,
    auditAddresses: read.AUDIT_ADDRESSES,
    historyKeep: read.HISTORY_KEEP,
    analyticsKey: read.ANALYTICS_KEY,
    analyticsBacklog: read.ANALYTICS_MAX_BACKLOG,
    analyticsKeepUnits: read.ANALYTICS_KEEP_UNITS,
    analyticsKeepMinutes: read.ANALYTICS_KEEP_MINUTES,
    eventLimit: read.ANALYTICS_EVENT_LIMIT,
    snapshotDir: read.SNAPSHOT_DIR,
    snapshotEvery: read.SNAPSHOT_EVERY,
    snapshotKeep: read.SNAPSHOT_KEEP,
    snapshotIncrements: read.SNAPSHOT_INCREMENTS,
    relayUpstream: read.RELAY_UPSTREAM,
    relayKey: read.RELAY_KEY,
    relayDir: read.RELAY_DIR,
    workers: read.CAMPAIGN_WORKERS,
    startTimeout: read.START_TIMEOUT,
    logLevel: read.LOG_LEVEL,
    production: read.NODE_ENV === 'production',
  };
}

function storageOf(read: z.output<typeof environment>): Config['storage'] {
  if (!read.CAMPAIGN_PERSISTENCE_ENABLED) return { kind: 'none' };
  if (read.DATABASE_URL !== undefined) return { kind: 'postgres', url: read.DATABASE_URL };
  return { kind: 'embedded', dataDir: read.DATA_DIR };
}

function authOf(read: z.output<typeof environment>): AuthKey {
  const { AUTH_SECRET, AUTH_JWKS_URL, AUTH_ISSUER, AUTH_AUDIENCE, AUTH_MAX_AGE: maxAgeMs } = read;
  if (AUTH_SECRET !== undefined)
    return { kind: 'secret', secret: AUTH_SECRET, issuer: AUTH_ISSUER, audience: AUTH_AUDIENCE, maxAgeMs };
  if (AUTH_JWKS_URL === undefined) return { kind: 'none' };
  // Where one is missing, the start ends with the sentence of `findConflict`.
  return { kind: 'jwks', url: AUTH_JWKS_URL, issuer: AUTH_ISSUER ?? '*', audience: AUTH_AUDIENCE ?? '*', maxAgeMs };
}

/** One sentence about variables that exclude or need each other; `undefined` where there are none. */
function findConflict(config: Config, read: z.output<typeof environment>): string | undefined {
  if (read.AUTH_SECRET !== undefined && read.AUTH_JWKS_URL !== undefined)
    return 'AUTH_SECRET and AUTH_JWKS_URL exclude each other: set one.';
  if (read.AUTH_JWKS_URL !== undefined && (read.AUTH_ISSUER === undefined || read.AUTH_AUDIENCE === undefined)) {
    return 'AUTH_JWKS_URL needs AUTH_ISSUER and AUTH_AUDIENCE, the iss and aud of the tokens meant for this server; * takes any, also those of other apps.';
  }
  if (config.auth.kind === 'none' && !config.insecure && !isLoopback(config.host)) {
    return 'HOST takes a loopback address while neither AUTH_SECRET nor AUTH_JWKS_URL is set; AUTH_MODE=insecure allows any other.';
  }
  if (config.redisUrl !== undefined && config.storage.kind !== 'postgres') {
    return 'REDIS_URL needs a DATABASE_URL: instances that share a Redis must share a Postgres.';
  }
  if (config.storage.kind === 'none' && config.durability === 'durable') {
    return 'CAMPAIGN_DURABILITY takes accepted while CAMPAIGN_PERSISTENCE_ENABLED is false: nothing becomes durable then.';
  }
  if (config.snapshotDir !== undefined && config.storage.kind === 'none') {
    return 'SNAPSHOT_DIR needs persistence: CAMPAIGN_PERSISTENCE_ENABLED is false, and there is nothing to save.';
  }
  return undefined;
}
