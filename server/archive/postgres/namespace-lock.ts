import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { backoffDelay } from '../../core/backoff.ts';
import { ArchiveError, toArchiveError } from '../errors.ts';
import { createConnections } from './pool.ts';

export interface NamespaceLockOptions {
  readonly connectionString: string;
  readonly namespace: string;
  /**
   * The identity of the log that this instance shares with others; the lock is then shared by all instances on that
   * log. It may change, where Redis was flushed or replaced.
   */
  readonly logIdentity?: (() => string) | undefined;
  /** How long the first attempts may take, in milliseconds. Default 3,000; 15,000 with a shared log. */
  readonly acquireTimeoutMs?: number;
  /**
   * The session that held the lock broke. Writes stay guarded by `(epoch, version)`, so that nothing diverges in the
   * archive; but until the lock is held again another instance may take the namespace, and what is then accepted here
   * is refused there.
   */
  readonly onLost?: ((error: Error) => void) | undefined;
  /** The lock is held again. */
  readonly onRegained?: (() => void) | undefined;
  /** The lock cannot be taken again, because others have the namespace, on another log; repeated while that lasts. */
  readonly onConflict?: ((error: Error) => void) | undefined;
}

/** The lock of a namespace, held until it is released or the process ends. */
export interface NamespaceLock {
  release(): Promise<void>;
}

/** How long the first attempts may take: a killed instance's session ends only when Postgres has noticed. */
const ACQUIRE_TIMEOUT_MS = 3_000;
/** With a shared log: longer than instances take to notice that the log has another identity. */
const ACQUIRE_SHARED_TIMEOUT_MS = 15_000;
const IDENTITY_INTERVAL_MS = 2_000;
/**
 * Attempts before a conflict is reported: after a flush, instances learn the log's new identity one after the other.
 */
const CONFLICT_ATTEMPTS = 5;
const ACQUIRE_INTERVAL_MS = 200;
const STATEMENT_TIMEOUT_MS = 5_000;
const END_TIMEOUT_MS = 500;
const BACKOFF = { base: 250, cap: 10_000, jitter: 0.5 };

/**
 * Locks a namespace of a database for one log: two logs would each order the same campaigns. Without Redis the log is
 * in this process, and the lock is exclusive; with Redis it is shared by the instances on that Redis, and names its
 * identity. It is a session-level advisory lock, so that it ends with its process, and is taken again when its session
 * breaks.
 *
 * Kept by hand: packages for locks over Postgres take one for the time of a callback; this one has to outlive broken
 * sessions, and to name its holder. (Behind a pooler it needs session pooling.)
 *
 * @throws ArchiveError `in-use` where another instance holds it, `unreachable` where Postgres does not answer
 */
export async function lockNamespace(options: NamespaceLockOptions): Promise<NamespaceLock> {
  const { namespace, logIdentity, onLost, onRegained, onConflict } = options;
  const released = new AbortController();
  let session = await firstSession(options);
  let identity = logIdentity?.();

  const regain = async (): Promise<void> => {
    for (let attempt = 0; !released.signal.aborted; attempt += 1) {
      const delay = backoffDelay(attempt, Math.random(), BACKOFF);
      await pause(delay, undefined, { ref: false, signal: released.signal }).catch(() => undefined);
      const next = released.signal.aborted ? undefined : await openSession(options).catch(() => undefined);
      if (!next) continue;
      if (!released.signal.aborted && next.holder === undefined) {
        session = next;
        watch(next);
        onRegained?.();
        return;
      }
      await next.end();
      if (!released.signal.aborted && next.holder !== undefined && attempt >= CONFLICT_ATTEMPTS)
        onConflict?.(inUse(options, next.holder));
    }
  };

  const watch = (held: Session): void => {
    void held.broken.then((error) => {
      if (released.signal.aborted) return;
      onLost?.(
        new ArchiveError('unreachable', `The lock on the namespace "${namespace}" was lost: ${error.message}`, {
          cause: error,
        }),
      );
      void regain();
    });
  };

  /** A log that was flushed or replaced has another identity, under which every instance takes the lock again. */
  const followIdentity = (): void => {
    const present = logIdentity?.();
    if (present === identity) return;
    identity = present;
    const before = session;
    before.expectEnd();
    void before.end().then(regain);
  };

  watch(session);
  const timer = logIdentity && setInterval(followIdentity, IDENTITY_INTERVAL_MS).unref();
  return {
    release: async () => {
      clearInterval(timer);
      released.abort();
      await session.end();
    },
  };
}

/** Who holds the lock: its `application_name`, and whether it is on another shared log. */
interface Holder {
  readonly name: string;
  readonly onOtherLog: boolean;
}

/** A session that has tried to take the lock. */
interface Session {
  /** The other holder of the lock; `undefined` where this session holds it. */
  readonly holder: Holder | undefined;
  /** Resolves when the session ends without having been asked to. */
  readonly broken: Promise<Error>;
  /** From now on an end is not taken for a broken session. */
  expectEnd(): void;
  end(): Promise<void>;
}

async function firstSession(options: NamespaceLockOptions): Promise<Session> {
  const timeoutMs = options.acquireTimeoutMs ?? (options.logIdentity ? ACQUIRE_SHARED_TIMEOUT_MS : ACQUIRE_TIMEOUT_MS);
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const session = await openSession(options);
    if (session.holder === undefined) return session;
    await session.end();
    if (performance.now() > deadline) throw inUse(options, session.holder);
    await pause(ACQUIRE_INTERVAL_MS);
  }
}

async function openSession({ connectionString, namespace, logIdentity }: NamespaceLockOptions): Promise<Session> {
  const { config, sessionSettings, destroyAll } = createConnections({
    connectionString,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    endWhenSilent: false,
  });
  const client = new pg.Client(config);
  let isEndExpected = false;
  const broken = new Promise<Error>((resolve) => {
    const settle = (error: Error): void => {
      if (!isEndExpected) resolve(error);
    };
    client.on('error', settle);
    client.on('end', () => settle(new Error('the session has ended')));
  });
  const end = async (): Promise<void> => {
    // Over a dead connection the end would never be acknowledged.
    const timeout = setTimeout(destroyAll, END_TIMEOUT_MS);
    await client.end().catch(() => undefined);
    clearTimeout(timeout);
  };
  const key = lockKey(namespace);
  try {
    await client.connect();
    // So that Postgres releases the lock of a machine that vanished within half a minute.
    await client.query(
      `${sessionSettings}; set tcp_keepalives_idle = 10; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3`,
    );
    const identity = logIdentity?.();
    const holder =
      identity === undefined ? await lockExclusively(client, key) : await lockShared(client, key, namespace, identity);
    const expectEnd = (): void => {
      isEndExpected = true;
    };
    return { holder, broken, end, expectEnd };
  } catch (error) {
    await end();
    throw toArchiveError(error);
  }
}

/** @returns the other holder, where the lock cannot be taken */
async function lockExclusively(client: pg.Client, key: string): Promise<Holder | undefined> {
  const { rows } = await client.query<{ held: boolean }>('select pg_try_advisory_lock($1::bigint) as held', [key]);
  return rows[0]?.held === true ? undefined : { name: await holderOf(client, key), onOtherLog: false };
}

/**
 * Takes the lock together with all instances on the same log: a shared lock on the namespace, which excludes instances
 * without Redis, and one on namespace and log, by which those on another log are found. Both are taken before anyone
 * looks, so that of two that start at once at least one sees the other.
 *
 * @returns the other holder, where the lock cannot be taken
 */
async function lockShared(
  client: pg.Client,
  key: string,
  namespace: string,
  identity: string,
): Promise<Holder | undefined> {
  const [first, second] = [hash32(namespace), hash32(identity)];
  const { rows } = await client.query<{ held: boolean }>(
    'select pg_try_advisory_lock_shared($1::bigint) and pg_try_advisory_lock_shared($2::int, $3::int) as held',
    [key, first, second],
  );
  if (rows[0]?.held !== true) return { name: await holderOf(client, key), onOtherLog: false };
  const others = await client.query<{ name: string | null }>(
    `select application_name as name from pg_locks join pg_stat_activity using (pid)
      where locktype = 'advisory' and granted and objsubid = 2
        and database = (select oid from pg_database where datname = current_database())
        and classid::bigint = $1::bigint and objid::bigint <> $2::bigint`,
    [first >>> 0, second >>> 0],
  );
  const [other] = others.rows;
  return other && { name: other.name ?? 'another instance', onOtherLog: true };
}

/** The `application_name` of the session that holds the lock. */
async function holderOf(client: pg.Client, key: string): Promise<string> {
  const { rows } = await client.query<{ name: string | null }>(
    `select application_name as name from pg_locks join pg_stat_activity using (pid)
      where locktype = 'advisory' and granted and objsubid = 1 and ((classid::bigint << 32) | objid::bigint) = $1::bigint`,
    [key],
  );
  return rows[0]?.name ?? 'another instance';
}

/** The number that names the lock: 64 bits of a hash, signed. */
function lockKey(namespace: string): string {
  return createHash('sha256').update(`campaign-state:${namespace}`).digest().readBigInt64BE().toString();
}

/** 32 bits of a hash, signed, as Postgres takes the two halves of a lock's name. */
function hash32(text: string): number {
  return createHash('sha256').update(text).digest().readInt32BE();
}

function inUse({ namespace, logIdentity }: NamespaceLockOptions, { name, onOtherLog }: Holder): ArchiveError {
  const prefix = `The namespace "${namespace}" of this database is in use by ${name}`;
  if (onOtherLog) {
    const message = `${prefix}, which is on another Redis; give all instances the same REDIS_URL, or this one another CAMPAIGN_NAMESPACE.`;
    return new ArchiveError('in-use', message);
  }
  if (logIdentity) {
    const message = `${prefix}, which has no REDIS_URL; stop that one, give it this REDIS_URL, or give this one another CAMPAIGN_NAMESPACE.`;
    return new ArchiveError('in-use', message);
  }
  return new ArchiveError(
    'in-use',
    `${prefix}; stop that one, give this one another CAMPAIGN_NAMESPACE, or run both over one REDIS_URL.`,
  );
}
