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
   * The session that held the lock broke. Writes stay guarded by `(epoch, version)`, so that nothing diverges in the
   * archive; but until the lock is held again another instance may take the namespace, and what is then accepted here
   * is refused there.
   */
  readonly onLost?: ((error: Error) => void) | undefined;
  /** The lock is held again. */
  readonly onRegained?: (() => void) | undefined;
}

/** The lock of a namespace, held until it is released or the process ends. */
export interface NamespaceLock {
  release(): Promise<void>;
}

/** How long the first attempts may take: a killed instance's session ends only when Postgres has noticed. */
const ACQUIRE_TIMEOUT_MS = 3_000;
const ACQUIRE_INTERVAL_MS = 200;
const STATEMENT_TIMEOUT_MS = 5_000;
const END_TIMEOUT_MS = 500;
const BACKOFF = { base: 250, cap: 10_000, jitter: 0.5 };

/**
 * Locks a namespace of a database for this instance: without Redis, two instances would each order the same campaigns.
 * It is a session-level advisory lock, so that it ends with its process, and is taken again when its session breaks.
 *
 * Kept by hand: packages for locks over Postgres take one for the time of a callback; this one has to outlive broken
 * sessions, and to name its holder. (Behind a pooler it needs session pooling.)
 *
 * @throws ArchiveError `in-use` where another instance holds it, `unreachable` where Postgres does not answer
 */
export async function lockNamespace(options: NamespaceLockOptions): Promise<NamespaceLock> {
  const { namespace, onLost, onRegained } = options;
  const released = new AbortController();
  let session = await firstSession(options);

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

  watch(session);
  return {
    release: async () => {
      released.abort();
      await session.end();
    },
  };
}

/** A session that has tried to take the lock. */
interface Session {
  /** The other holder of the lock; `undefined` where this session holds it. */
  readonly holder: string | undefined;
  /** Resolves when the session ends without having been asked to. */
  readonly broken: Promise<Error>;
  end(): Promise<void>;
}

async function firstSession(options: NamespaceLockOptions): Promise<Session> {
  const deadline = performance.now() + ACQUIRE_TIMEOUT_MS;
  for (;;) {
    const session = await openSession(options);
    if (session.holder === undefined) return session;
    await session.end();
    if (performance.now() > deadline) throw inUse(options.namespace, session.holder);
    await pause(ACQUIRE_INTERVAL_MS);
  }
}

async function openSession({ connectionString, namespace }: NamespaceLockOptions): Promise<Session> {
  const { config, sessionSettings, destroyAll } = createConnections({
    connectionString,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    endWhenSilent: false,
  });
  const client = new pg.Client(config);
  const broken = new Promise<Error>((resolve) => {
    client.on('error', resolve);
    client.on('end', () => resolve(new Error('the session has ended')));
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
    const { rows } = await client.query<{ held: boolean }>('select pg_try_advisory_lock($1::bigint) as held', [key]);
    return { holder: rows[0]?.held === true ? undefined : await holderOf(client, key), broken, end };
  } catch (error) {
    await end();
    throw toArchiveError(error);
  }
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

function inUse(namespace: string, holder: string): ArchiveError {
  return new ArchiveError(
    'in-use',
    `The namespace "${namespace}" of this database is in use by ${holder}; stop that one, give this one another CAMPAIGN_NAMESPACE, or run both over one REDIS_URL.`,
  );
}
