import type { PostgresCursor, PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely';
import type pg from 'pg';

/**
 * One name per statement text, for the process: the archive has a few dozen texts, none of which grows with its values.
 */
const names = new Map<string, string>();

function nameOf(text: string): string {
  const known = names.get(text);
  if (known !== undefined) return known;
  const name = `campaign_state_${names.size + 1}`;
  names.set(text, name);
  return name;
}

/**
 * The pool as kysely takes it, with every statement that has parameters prepared once per connection: of a small
 * commit, parsing and planning its statement would be the larger half. (Postgres plans anew when it has analysed a
 * table that grew.)
 */
export function preparing(pool: pg.Pool): PostgresPool {
  return {
    options: pool.options,
    connect: async () => clientOf(await pool.connect()),
    end: () => pool.end(),
  };
}

/** One for each connection: kysely keeps what it knows of a connection by this object. */
const clients = new WeakMap<pg.PoolClient, PostgresPoolClient>();

function clientOf(client: pg.PoolClient): PostgresPoolClient {
  const known = clients.get(client) ?? toClient(client);
  clients.set(client, known);
  return known;
}

function toClient(client: pg.PoolClient): PostgresPoolClient {
  function query<R>(text: string, values: readonly unknown[]): Promise<PostgresQueryResult<R>>;
  function query<R>(cursor: PostgresCursor<R>): PostgresCursor<R>;
  function query(text: unknown, values: readonly unknown[] = []): unknown {
    if (typeof text !== 'string') throw new TypeError('The archive reads no cursors.');
    return client.query(values.length === 0 ? { text } : { name: nameOf(text), text, values: [...values] });
  }
  return { query, release: (destroy) => client.release(destroy) };
}
