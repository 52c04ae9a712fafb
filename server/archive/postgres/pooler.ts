import pg from 'pg';
import { asError } from '../../core/errors.ts';
import { ArchiveError } from '../errors.ts';

/** How long a statement may wait for a server connection of the pooler, in milliseconds. */
const POOLER_TIMEOUT_MS = 5_000;

/**
 * Refuses a pooler that gives the statements of one session to different servers (PgBouncer with
 * `pool_mode=transaction` or `statement`, and its like): prepared statements, `set` and session locks do not survive
 * that. A pooler in session mode is accepted.
 *
 * A pooler makes up the process id that it tells its clients, so that it differs from `pg_backend_pid()`. Whether it
 * keeps sessions is found out by taking a server connection away from two sessions: a third one begins a transaction,
 * and where sessions are not kept it gets the server of one of them, which then has another.
 *
 * @throws ArchiveError `failed` where sessions are not kept
 */
export async function refuseTransactionPooler(config: pg.ClientConfig): Promise<void> {
  const clients: pg.Client[] = [];
  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({ ...config, query_timeout: POOLER_TIMEOUT_MS });
    client.on('error', () => undefined);
    clients.push(client);
    await client.connect();
    return client;
  };
  try {
    const first = await connect();
    if ((await backendOf(first)) === toldBackendOf(first)) return;
    if (await keepsSessions(first, await connect(), await connect())) return;
  } catch (error) {
    if (!asError(error).message.includes('statement pooling mode')) throw error;
  } finally {
    await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
  }
  throw new ArchiveError(
    'failed',
    "DATABASE_URL names a connection pooler that keeps no sessions (PgBouncer with pool_mode=transaction, or its like): use the database's own address, or a pool in session mode.",
  );
}

async function keepsSessions(first: pg.Client, second: pg.Client, third: pg.Client): Promise<boolean> {
  await first.query('begin');
  await second.query('begin');
  const before = [await backendOf(first), await backendOf(second)];
  await Promise.all([first.query('commit'), second.query('commit')]);
  await third.query('begin');
  await backendOf(third);
  const after = [await backendOf(first), await backendOf(second)];
  await third.query('commit');
  return before[0] === after[0] && before[1] === after[1];
}

async function backendOf(client: pg.Client): Promise<number | undefined> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  return rows[0]?.pid;
}

/** The process id that was told at the start of the session; `pg` has it without a type. */
function toldBackendOf(client: pg.Client): unknown {
  return 'processID' in client ? client.processID : undefined;
}
