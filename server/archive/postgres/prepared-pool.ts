import type { PostgresCursor, PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely';
import type pg from 'pg';
import { toArchiveError } from '../errors.ts';

/** The name of each statement's text: the archive has a few dozen texts, none of which grows with its values. */
const names = new Map<string, string>();

function nameOf(text: string): string {
  const known = names.get(text);
  if (known !== undefined) return known;
  const name = `campaign_state_${names.size + 1}`;
  names.set(text, name);
  return name;
}

/**
 * A pool for Kysely that prepares every statement with parameters once per connection: parsing and planning its
 * statement would be the larger half of a small commit. (Postgres plans anew when it has analysed a table that grew.)
 *
 * Kept by hand: Kysely's Postgres dialect names no statements, and an option for it is not planned.
 */
export function createPreparedPool(pool: pg.Pool): PostgresPool {
  return {
    options: pool.options,
    connect: async () => preparedClientOf(await pool.connect()),
    end: () => pool.end(),
  };
}

/** One wrapper for each connection: Kysely identifies a connection by this object. */
const clients = new WeakMap<pg.PoolClient, PostgresPoolClient>();

function preparedClientOf(client: pg.PoolClient): PostgresPoolClient {
  const known = clients.get(client) ?? createPreparedClient(client);
  clients.set(client, known);
  return known;
}

function createPreparedClient(client: pg.PoolClient): PostgresPoolClient {
  let isReadOnly = false;
  function query<R>(text: string, values: readonly unknown[]): Promise<PostgresQueryResult<R>>;
  function query<R>(cursor: PostgresCursor<R>): PostgresCursor<R>;
  function query(text: unknown, values: readonly unknown[] = []): unknown {
    if (typeof text !== 'string') throw new TypeError('The archive reads no cursors.');
    const answer = client.query(values.length === 0 ? { text } : { name: nameOf(text), text, values: [...values] });
    // After a failover the connection may still lead to the old primary: the next one goes where the address leads now.
    answer.catch((error: unknown) => (isReadOnly ||= toArchiveError(error).kind === 'read-only'));
    return answer;
  }
  return { query, release: (destroy) => client.release(destroy ?? isReadOnly) };
}
