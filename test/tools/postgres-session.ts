import pg from 'pg';

/**
 * A session with Postgres. Where Postgres ends it, what it is asked is rejected: a client that nobody listens to would
 * end the whole run instead.
 */
export async function openSession(url: string, options: pg.ClientConfig = {}): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, ...options });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** Work in a session of its own, which ends with it. */
export async function inSession<T>(
  url: string,
  work: (client: pg.Client) => Promise<T>,
  options?: pg.ClientConfig,
): Promise<T> {
  const client = await openSession(url, options);
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
