import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';

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
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query<R>(text, values)).rows;
  } finally {
    await client.end();
  }
}
