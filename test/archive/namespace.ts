import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { inject } from 'vitest';
import { inSession } from '../tools/postgres-session.ts';

/** A Postgres schema that no other test has, and how to be rid of it. */
export function freshNamespace(): { namespace: string; drop: () => Promise<void> } {
  const namespace = `test_${randomBytes(6).toString('hex')}`;
  return { namespace, drop: async () => void (await query(`drop schema if exists ${namespace} cascade`)) };
}

/** Asks the run's Postgres directly, past the archive. */
export async function query<R extends pg.QueryResultRow>(
  text: string,
  values: unknown[] = [],
  url = inject('postgresUrl'),
): Promise<R[]> {
  return await inSession(url, async (client) => (await client.query<R>(text, values)).rows);
}

/** The tables of a namespace in which a text stands, in any column of any row. */
export async function tablesWith(namespace: string, text: string): Promise<string[]> {
  const tables = await query<{ name: string }>(
    'select table_name as name from information_schema.tables where table_schema = $1 order by 1',
    [namespace],
  );
  const found: string[] = [];
  for (const { name } of tables) {
    const rows = await query(`select 1 from ${namespace}.${name} as t where t::text like '%' || $1 || '%' limit 1`, [
      text,
    ]);
    if (rows.length > 0) found.push(name);
  }
  return found;
}
