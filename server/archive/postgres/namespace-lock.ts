import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { ArchiveError, toArchiveError } from '../errors.ts';
import { createLinks } from './pool.ts';

export interface NamespaceLockOptions {
  connectionString: string;
  namespace: string;
  /**
   * The session that held the lock broke. Writes stay guarded by `(epoch, version)`, so nothing diverges in the
   * archive; but until the lock is back, another instance may take the namespace, and what is then accepted here is
   * refused there.
   */
  onLost?: ((error: Error) => void) | undefined;
  /** The lock is held again. */
  onRegained?: (() => void) | undefined;
}

export interface NamespaceLock {
  release(): Promise<void>;
}

/** A killed instance's session ends when Postgres notices, a moment later; milliseconds. */
const FIRST_WAIT = 3_000;
const FIRST_INTERVAL = 200;
const STATEMENT_TIMEOUT = 5_000;
const END_PATIENCE = 500;
const LONGEST_BACKOFF = 10_000;

/**
 * Takes a namespace of a database for this instance alone: without Redis, two instances would each order the same
 * campaigns. The lock is Postgres' own, held by a session, so it ends with its process; it is taken anew when the
 * session breaks. (Behind a pooler it needs session pooling.)
 *
 * @throws ArchiveError `in-use` where another instance holds it, `unreachable` where Postgres does not answer
 */
export async function lockNamespace(options: NamespaceLockOptions): Promise<NamespaceLock> {
  const { namespace, onLost, onRegained } = options;
  const released = new AbortController();
  let session = await firstSession(options);

  const regain = async (): Promise<void> => {
    for (let attempt = 0; !released.signal.aborted; attempt += 1) {
      const backoff = Math.min(LONGEST_BACKOFF, 250 * 2 ** attempt);
      await pause(backoff * (0.5 + Math.random() / 2), undefined, { ref: false, signal: released.signal }).catch(
        () => undefined,
      );
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

interface Session {
  /** Who else holds the lock; `undefined` where this session does. */
  holder: string | undefined;
  /** Resolves when the session ends without having been asked to. */
  broken: Promise<Error>;
  end(): Promise<void>;
}

async function firstSession(options: NamespaceLockOptions): Promise<Session> {
  const deadline = performance.now() + FIRST_WAIT;
  for (;;) {
    const session = await openSession(options);
    if (session.holder === undefined) return session;
    await session.end();
    if (performance.now() > deadline) throw inUse(options.namespace, session.holder);
    await pause(FIRST_INTERVAL);
  }
}

async function openSession({ connectionString, namespace }: NamespaceLockOptions): Promise<Session> {
  const { config, cut } = createLinks({ connectionString, statementTimeout: STATEMENT_TIMEOUT, endWhenSilent: false });
  const client = new pg.Client(config);
  const broken = new Promise<Error>((resolve) => {
    client.on('error', resolve);
    client.on('end', () => resolve(new Error('the session has ended')));
  });
  const end = async (): Promise<void> => {
    // A goodbye on a silent link would never be answered.
    const late = setTimeout(cut, END_PATIENCE);
    await client.end().catch(() => undefined);
    clearTimeout(late);
  };
  const key = lockKey(namespace);
  try {
    await client.connect();
    // So that Postgres gives the lock of a machine that vanished back within half a minute.
    await client.query('set tcp_keepalives_idle = 10; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3');
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

/** Advisory locks have numbers for names: 64 bits of a hash, signed. */
function lockKey(namespace: string): string {
  return createHash('sha256').update(`campaign-state:${namespace}`).digest().readBigInt64BE().toString();
}

function inUse(namespace: string, holder: string): ArchiveError {
  return new ArchiveError(
    'in-use',
    `The namespace "${namespace}" of this database is in use by ${holder}; stop that one, give this one another CAMPAIGN_NAMESPACE, or run both over one REDIS_URL.`,
  );
}
